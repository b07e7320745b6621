"""A measured worker process: `python -m flarecli.profiling.processes.worker ORDER RESULT`, both files of pickles."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.profiling.step_meter import StepMeter

if TYPE_CHECKING:
    from flarecli.prediction.cases import Case
    from flarecli.prediction.predictor import Predictor
    from flarecli.profiling.processes.work import CaseRun, Done, Work


def main(order: Path, result: Path) -> None:
    """Do the work that the file `order` describes; write a `flarecli.profiling.processes.work.Done` to `result`."""
    from flarecli.errors import FlareError

    work: Work = pickle.loads(order.read_bytes())
    try:
        done = _done(work)
    except FlareError as error:
        from flarecli.profiling.processes.work import Done

        done = Done(error=error)
    result.write_bytes(pickle.dumps(done))


def _done(work: Work) -> Done:
    from flarecli.prediction.predictor import Predictor
    from flarecli.profiling.processes.work import Done, Task
    from flarecli.steps import observed_steps

    if work.task is Task.NETWORKS:
        from flarecli.profiling.networks.network_pass import examine_networks

        return examine_networks(work)
    meter = StepMeter()
    runs = []
    with observed_steps(meter):
        predictor = Predictor(work.system, work.weights, work.engine)
        for case in work.cases:
            warming_up = _run(meter, predictor, case)
            if warming_up.error is not None:
                runs.append(warming_up)
            else:
                runs += [_run(meter, predictor, case) for _ in range(work.repeats)]
    return Done(runs=tuple(runs))


def _run(meter: StepMeter, predictor: Predictor, case: Case) -> CaseRun:
    from flarecli.prediction.batch import predict_cases
    from flarecli.prediction.output_options import OutputOptions
    from flarecli.profiling.processes.work import CaseRun

    with meter.run() as whole:
        (outcome,) = predict_cases(predictor, [case], extras=OutputOptions(), existing="overwrite")
    runtime = None if outcome.record is None else dict(outcome.record["runtime"])
    return CaseRun(case.name, whole, tuple(meter.steps), runtime, outcome.error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
