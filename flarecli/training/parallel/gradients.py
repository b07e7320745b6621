"""Gradients that are averaged over the processes of a training while they are computed."""

from __future__ import annotations

from typing import Any

import keras

from flarecli.training.parallel.group import Group


def share_gradients(model: keras.Model, group: Group) -> None:
    """Let a compiled model average its gradients over all processes, by PyTorch's `DistributedDataParallel`.

    Its step is that of Keras' trainer, but for the forward pass, which goes through the wrapped model.

    Args:
        model: Compiled, on PyTorch, with the same weights in every process.
        group: The processes.
    """
    import torch
    from torch.nn.parallel import DistributedDataParallel

    on_gpu = any(variable.value.is_cuda for variable in model.trainable_variables)
    devices = [group.launch.local_rank] if on_gpu else None
    # Variables that Keras does not train are not buffers of PyTorch, and not sent here: see `average_statistics`.
    wrapped = DistributedDataParallel(model, device_ids=devices)

    def train_step(data: Any) -> Any:
        inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(data)
        outputs = wrapped(inputs, training=True)
        model.zero_grad()
        loss = model.compute_loss(x=inputs, y=targets, y_pred=outputs, training=True)
        for metric in model.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        model.optimizer.scale_loss(loss).backward()
        variables = list(model.trainable_variables)
        with torch.no_grad():
            model.optimizer.apply([variable.value.grad for variable in variables], variables)
        return model.get_metrics_result()

    model.train_step = train_step


def average_statistics(model: keras.Model, group: Group) -> None:
    """Average what a model keeps besides its weights, such as the moving statistics of batch normalisation."""
    if group.size == 1:
        return
    import torch

    for variable in model.non_trainable_variables:
        if variable.value.is_floating_point():
            torch.distributed.all_reduce(variable.value.data)
            variable.value.data.div_(group.size)


def state_from_first(model: keras.Model, group: Group) -> None:
    """Give a compiled model the weights and the optimiser's state that the first process has."""
    if group.size == 1:
        return
    variables = [*model.variables, *model.optimizer.variables]
    arrays = [keras.ops.convert_to_numpy(variable) for variable in variables] if group.is_first else None
    for variable, values in zip(variables, group.from_first(arrays), strict=True):
        variable.assign(values)
