"""The training loop: one for all tasks.

Truncated backpropagation through time: each step reads one chunk, starting from the state that the
chunk before left, without its gradient. All that a run needs to go on bit for bit is in its
checkpoints: weights, optimizer, carried state, random generators, position, counters.

Several processes run this same loop, each on its share of every chunk. They meet once a step
(`agreement`), at each evaluation, which the first makes, and at each save; between, all decide from
what they agreed on.
"""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from unrolled.errors import DivergedError, PruneFailedError, SaveFailedError
from unrolled.training.agreement import Agreement
from unrolled.training.carried import draw_apart, pack_chance, share, unpack_chance, whole
from unrolled.training.clipping import clip, gradients_of
from unrolled.training.group import ALONE, Group
from unrolled.training.interrupts import Interrupts
from unrolled.training.logs import Logs
from unrolled.training.optimizers import learning_rate, make_optimizer, set_learning_rate
from unrolled.training.progress import Progress
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.checkpoint_folder import Checkpoint
from unrolled.training.storage.followed_run import FollowedRun
from unrolled.training.storage.optimizer_state import pack_optimizer, unpack_optimizer
from unrolled.training.storage.run_folder import RunFolder
from unrolled.training.storage.tensor_trees import map_tree, pack_tree, unpack_tree
from unrolled.training.storage.weights import load_weights_into
from unrolled.training.task import Measured, Penalty, Step, Task
from unrolled.training.telling import Teller
from unrolled.training.updates import copies, distances, sizes, updates_from_json
from unrolled.training.watchers import Watcher


@dataclass(frozen=True)
class Ending:
    """How training ended: the last step, why, and the signal that ended it, if one did."""

    step: int
    reason: str
    signal: int | None = None


class Trainer:
    """Trains a task's model within a run folder."""

    def __init__(
        self,
        task: Task[Any],
        settings: TrainSettings,
        run: RunFolder | FollowedRun,
        watcher: Watcher,
        penalty: Penalty | None = None,
        group: Group = ALONE,
    ) -> None:
        """Make the trainer; `restore` then takes up a checkpoint.

        Args:
            task: Model, data and loss.
            settings: Budget and method.
            run: Where everything is kept.
            watcher: Who is told.
            penalty: A term beside the loss, where one process trains.
            group: The processes that train together.

        Raises:
            FewSequencesError: There are more processes than sequences in a chunk.
        """
        self.task = task
        self.settings = settings
        self.run = run
        self.watcher = watcher
        self.penalty = penalty
        self.group = group
        task.share = group.share_of(task.sequences)
        self.parameters = [p for p in task.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.parameters, settings)
        self.progress = Progress()
        self.carried: Any = None
        self._teller = Teller(watcher, task.unit, task.items)
        self._budget = settings.budget()
        self._updates: dict[str, float] = {}  # norms of the last update, where the lens wants them
        self._interrupts = Interrupts()
        self._agreement = Agreement(group, self._interrupts)
        self._saved_at = 0.0  # seconds of training
        self._saved_step: int | None = None

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up a checkpoint, as if training had never stopped.

        Raises:
            ForeignWeightsError: Its weights are of another model.
            ForeignStateError: Its other state is.
        """
        load_weights_into(self.task.model, checkpoint.weights)
        stored = dict(checkpoint.progress)
        unpack_optimizer(self.optimizer, checkpoint.optimizer, stored.get("optimizer", {}))
        carried = unpack_tree(checkpoint.carried, stored.get("carried"))
        device = self.parameters[0].device
        self.carried = share(self.group, map_tree(carried, lambda part: part.to(device)))
        self.progress = Progress.from_json(stored.get("progress", {}), chunks=self.task.chunks)
        seed, step = self.settings.seed, checkpoint.step
        unpack_chance(checkpoint.carried, self.group, device, seed=seed, step=step)
        self._updates = updates_from_json(stored.get("updates", {}))
        self._agreement.start(self.progress.seconds)
        self._saved_at = self.progress.seconds
        self.run.truncate_metrics(self.progress.step)
        self._saved_step = self.progress.step

    def fit(self) -> Ending:
        """Train until the task is solved, the budget used, patience at its end, or a signal comes.

        What was learned is then saved.

        Raises:
            DivergedError: The loss, the gradient or a weight is no longer a number; the last good
                checkpoint stays.
            SaveFailedError: The first or the last checkpoint cannot be saved.
            ProcessGoneError: Another process of the group has ended.
        """
        self.task.wake()
        self.task.begin_pass(self.progress.epoch)
        self.group.spread(self.task.model.state_dict().values())
        with self._interrupts, Logs(self.run, self.settings) as logs:
            if self._saved_step is None:
                draw_apart(self.group, seed=self.settings.seed, step=0)
                self._save(must=True)  # from here on there is something to go on from
            while (reason := self._reason_to_end()) is None:
                if self._evaluation_is_due():
                    self._evaluate(logs)
                else:
                    self._step(logs)
                if self._save_is_due():
                    self._save()
            signalled = self._agreement.signal is not None
            if not signalled and self._is_unevaluated():
                self._evaluate(logs, must=True)
            if self._saved_step != self.progress.step:
                self._save(must=True)
            reason = self._reason_to_end() or reason  # the last look may solve it
            return Ending(self.progress.step, reason, self._agreement.signal)

    def used(self, *, ahead: int = 0) -> float:
        """The share of the budget that is used, by whichever limit is nearest.

        Args:
            ahead: So many steps from now, for all that clocks can tell.
        """
        seconds, chunks = self._agreement.seconds(), self.task.chunks
        return self.progress.used(self._budget, seconds=seconds, chunks=chunks, ahead=ahead)

    def _reason_to_end(self) -> str | None:
        if self._agreement.signal is not None:
            return "interrupted"
        if self.progress.solved_step >= 0:
            return "solved"
        if self.used() >= 1:
            return "budget used"
        patience = self.settings.patience
        return "no better for a while" if 0 < patience <= self.progress.stale else None

    def _evaluation_is_due(self) -> bool:
        step = self.progress.step
        at_turn = step > 0 and step % self.settings.evaluate_every == 0
        return at_turn and self._is_unevaluated()

    def _is_unevaluated(self) -> bool:
        return self.task.validates and self.progress.evaluated_step != self.progress.step

    def _save_is_due(self) -> bool:
        late = self._agreement.seconds() - self._saved_at > self.settings.save_seconds
        changed = self._saved_step != self.progress.step
        return late and changed and not self._evaluation_is_due()  # which saves, after its line

    def _step(self, logs: Logs) -> None:
        """One chunk forward and back, one update."""
        progress, used, began = self.progress, self.used(), self._agreement.seconds()
        rate = learning_rate(self.settings, step=progress.step, done=used)
        set_learning_rate(self.optimizer, rate)
        step, penalties = self._forward_and_back()
        loss, items = self._agreement.average(self.parameters, step)
        norm, clipped = clip(gradients_of(self.parameters), self.settings)
        progress.clipped += clipped
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise self._diverged(progress.step + 1, loss=loss, norm=norm)
        self._update()
        self._advance(step.carried if step else None, items, loss)
        seconds = self._agreement.seconds()
        times = {"used": used, "began": began, "seconds": seconds}
        self._teller.show_step(progress, loss, **times, penalties=penalties)
        if progress.step % self.settings.log_every == 0:
            figures = {"learning_rate": rate, "gradient_norm": norm, "seconds": seconds}
            self._teller.log_training(logs, progress, **figures, **penalties)

    def _forward_and_back(self) -> tuple[Step | None, dict[str, float]]:
        """A chunk's loss, its gradient put into the parameters; a penalty's value by its name."""
        penalty, chunk = self.penalty, self.progress.chunk
        self.optimizer.zero_grad(set_to_none=True)
        if not self.task.has_share(chunk):
            return None, {}
        with penalty.listening() if penalty else nullcontext():
            step = self.task.forward(chunk, self.carried)
        step.loss.backward()
        return step, {penalty.name: penalty.add_gradient()} if penalty else {}

    def _update(self) -> None:
        """A step of the optimizer; its size is measured if a line of the lens comes next."""
        at_turn = (self.progress.step + 1) % self.settings.evaluate_every == 0
        watched = self.settings.lens and (at_turn or self.used(ahead=1) >= 1)
        before = copies(self.task.model) if watched else {}
        self.optimizer.step()
        self._updates = distances(self.task.model, before) if watched else {}

    def _advance(self, carried: Any, items: int, loss: float) -> None:
        progress = self.progress
        progress.step += 1
        progress.items += items
        progress.loss_sum += loss
        progress.loss_count += 1
        progress.chunk += 1
        self.carried = carried
        if progress.chunk == self.task.chunks:
            progress.epoch, progress.chunk = progress.epoch + 1, 0
            self.carried = None
            self.task.begin_pass(progress.epoch)

    def _evaluate(self, logs: Logs, *, must: bool = False) -> None:
        """Measure on the validation part, note the best, show a sample, save.

        It may take long, so a signal ends it at once; a resumed run then begins with it.
        """
        first = self.group.is_first
        self.task.model.eval()
        measured = self._interrupts.unless_signalled(self._measure) if first else None
        self.task.wake()
        own, sample, seen = measured or (None, "", None)
        found = self._agreement.hear(own)
        if found is None:
            return
        progress = self.progress
        if not math.isfinite(found.loss):
            raise self._diverged(progress.step, loss=found.loss)
        before = (progress.best, progress.best_step)
        better = progress.note_evaluation(found.loss, solved=found.solved)
        self._teller.tell_evaluation(logs, progress, found, better=better)
        if seen is not None:
            logs.write("lens", progress.step, **seen)
        if sample:
            self.watcher.show_sample(sample)
        if not self._save(best=better, must=must) and better:
            progress.best, progress.best_step = before  # BEST still points to that one

    @torch.no_grad()
    def _measure(self) -> tuple[Measured, str, Mapping[str, Any] | None]:
        task, seen = self.task, None
        if self.settings.lens:
            seen = {**task.inspect(), "parameters": sizes(task.model, self._updates)}
        return task.validate(), task.sample(), seen

    def _save(self, *, best: bool = False, must: bool = False) -> bool:
        """Save; a full disk is told and tried again later, unless it must be now."""
        if not all(bool(weight.isfinite().all()) for weight in self.parameters):
            raise self._diverged(self.progress.step)
        self.progress.seconds = self._saved_at = self._agreement.seconds()
        checkpoint, failed = self._checkpoint(), False
        try:
            self.run.save(checkpoint, best=best, keep=self.settings.keep)
        except PruneFailedError as error:
            self.watcher.say(str(error))
        except SaveFailedError as error:
            if must:
                raise
            self.watcher.say(f"{error} Training goes on; the next save is tried in its turn.")
            failed = True
        if any(self._agreement.sum(failed)):
            return False
        self._saved_step = self.progress.step
        return True

    def _diverged(
        self, step: int, *, loss: float = math.nan, norm: float = math.nan
    ) -> DivergedError:
        return DivergedError(step=step, loss=loss, norm=norm, run=self.run.path)

    def _checkpoint(self) -> Checkpoint:
        optimizer, optimizer_rest = pack_optimizer(self.optimizer)
        carried, carried_rest = pack_tree(whole(self.group, self.carried), "state")
        chance = pack_chance(self.group, self.parameters[0].device)
        return Checkpoint(
            step=self.progress.step,
            weights=self.task.model.state_dict(),
            optimizer=optimizer,
            carried={**carried, **chance},
            progress={
                "progress": self.progress.to_json(),
                "optimizer": optimizer_rest,
                "carried": carried_rest,
                "updates": self._updates,
            },
        )
