"""Selects a Keras backend, sets it up and runs networks on it."""

from flarecli.engine.backend_choice import BACKENDS
from flarecli.engine.memory_limited_network import MemoryLimitedNetwork
from flarecli.engine.networks import load_network
from flarecli.engine.precision_choice import PRECISIONS
from flarecli.engine.runtime import Runtime, start_runtime

__all__ = ["BACKENDS", "PRECISIONS", "MemoryLimitedNetwork", "Runtime", "load_network", "start_runtime"]
