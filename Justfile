# Everything runs in a virtual environment of its own, .venv, made on the first call.

set shell := ["bash", "-euo", "pipefail", "-c"]

python := env("PYTHON", "python3")
bin := justfile_directory() / ".venv/bin"
# What installs into .venv: pip, or another with pip's arguments, such as `uv pip install --python .venv/bin/python`.
installer := env("INSTALLER", bin / "python -m pip install --disable-pip-version-check")
install := installer + " --quiet --constraint constraints.txt"

# What `just test` waits for before the suite: on a fresh machine a browser and tools of DICOM are installed meanwhile.
before_suite := env("BEFORE_SUITE", "true")

# Modules are compiled once, not by each of the many processes that the tests start.
export PYTHONDONTWRITEBYTECODE := ""

# What computes with the backend, and what trains: the rest of the suite, and what is marked any_backend, runs on
# OpenVINO alone. TensorFlow builds each small training anew; where one network or fold is trained as another, PyTorch
# stands for both.
network_tests := "tests/models tests/engine tests/golden tests/systems/test_efficientscn_published.py"
torch_tests := network_tests + " tests/training tests/cli/test_train.py"
tensorflow_tests := network_tests + " tests/training/test_machine.py tests/training/test_optimiser.py " + \
    "tests/training/test_run.py tests/training/test_resuming.py tests/training/test_recipes.py tests/cli/test_train.py"

# In two minutes at most: XLA compiles every model anew.
jax_tests := "tests/engine/test_jax.py tests/engine/test_runtime.py tests/engine/test_backend_choice.py " + \
    "tests/engine/test_networks.py tests/models/test_losses.py"

# List the recipes.
default:
    @just --list

# Install flare and segment the example scan: organ volumes, label map, picture.
demo: _environment
    {{ install }} .
    mkdir -p demo-output
    {{ bin }}/flare predict examples/phantom_ct_0000.nii.gz demo-output/phantom_ct.nii.gz \
        --preview demo-output/phantom_ct.png --statistics demo-output/organs.csv --overwrite --verbose
    @echo "Label map, record, table and picture are in demo-output/"

# Install everything and run all tests: the networks on TensorFlow, PyTorch and (a part) JAX, the suite on OpenVINO.
test *arguments: development
    KERAS_BACKEND=tensorflow {{ bin }}/pytest -m 'not any_backend' {{ tensorflow_tests }} {{ arguments }}
    KERAS_BACKEND=torch {{ bin }}/pytest -m 'not any_backend' {{ torch_tests }} {{ arguments }}
    KERAS_BACKEND=jax {{ bin }}/pytest {{ jax_tests }} {{ arguments }}
    {{ before_suite }}
    KERAS_BACKEND=openvino {{ bin }}/pytest {{ arguments }}

# Check style, formatting and types.
check: development
    {{ bin }}/ruff check .
    {{ bin }}/ruff format --check .
    {{ bin }}/mypy

# Measure which lines the tests reach; the modules below 70 % come first.
coverage *arguments: development
    KERAS_BACKEND=torch {{ bin }}/pytest --cov --cov-report= -m 'not any_backend' {{ torch_tests }} {{ arguments }}
    KERAS_BACKEND=openvino {{ bin }}/pytest --cov --cov-append --cov-report= {{ arguments }}
    {{ bin }}/coverage report --sort=cover

# Build the documentation; a warning is an error.
docs: development
    {{ bin }}/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
    @echo "docs/_build/html/index.html"

# Build the man page of the command.
man: development
    {{ bin }}/python -m sphinx -W --keep-going -q -b man docs docs/_build/man
    @echo "docs/_build/man/flare.1"

# Draw the pictures of README and documentation anew, from the synthetic example.
picture: development
    mkdir -p demo-output
    {{ bin }}/flare predict examples/phantom_ct_0000.nii.gz demo-output/phantom_ct.nii.gz \
        --preview demo-output/phantom_ct.png --overwrite
    {{ bin }}/python docs/shrink_picture.py demo-output/phantom_ct.png docs/images/phantom.png
    {{ bin }}/flare view examples/phantom_ct_0000.nii.gz demo-output/phantom_ct.nii.gz examples/phantom_ct.nii.gz \
        --html demo-output/phantom_ct.html --overwrite
    {{ bin }}/python docs/viewer_picture.py demo-output/phantom_ct.html docs/images/viewer.webp

# Build the wheel and the source archive in dist/.
wheel: _environment
    {{ install }} build
    {{ bin }}/python -m build

# Mend style and formatting where that can be done by rule.
format: development
    {{ bin }}/ruff check --fix .
    {{ bin }}/ruff format .

# Measure: start-up, evaluation, every network, whole predictions; `just bench --full` takes the challenge's sizes.
bench *arguments: development
    {{ bin }}/python -m benchmarks.suite {{ arguments }}

# Check everything on a machine with one NVIDIA GPU, in at most eight minutes; prints Markdown for docs/gpu_memory.md.
gpu-check *arguments: development
    {{ bin }}/python -m benchmarks.gpu_check {{ arguments }}

# Install flare for development, with every backend.
development: _environment
    {{ install }} --editable '.[cluster,dev,dicom,docs,export,jax,mesh,plots,remote,tensorflow,torch,view]'

_environment:
    test -x {{ bin }}/python || {{ python }} -m venv .venv
