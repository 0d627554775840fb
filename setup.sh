#!/bin/sh
# Make .venv with Catenane in it. Safe to run again: what is there is kept.
#
# PYTHON                    the interpreter to use (3.11 or newer); found by itself if unset
# CATENANE_TORCH_BACKEND    cpu (default), auto, cu128, ...: which build of PyTorch to install on Linux
# CATENANE_EXTRAS           extras to install, "dev" by default
set -eu
cd "$(dirname "$0")"
torch=2.13.0
backend=${CATENANE_TORCH_BACKEND:-cpu}
extras=${CATENANE_EXTRAS:-dev}

supported='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
if [ ! -x .venv/bin/python ]; then
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11} none; do
        [ "$python" != none ] || { echo "setup: no Python 3.11 or newer with venv found; install one or set PYTHON" >&2; exit 1; }
        "$python" -c "$supported" 2>/dev/null && break
    done
    "$python" -m venv .venv
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

# The plain Linux wheel of PyTorch brings gigabytes of CUDA libraries, so the CPU build is asked for by name:
# first where pip looks already, then from PyTorch's own index through uv, which knows its backends.
if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    if [ "$(uname -s)" != Linux ]; then
        pip install --quiet "torch==$torch"
    elif [ "$backend" != cpu ] || ! pip install --quiet "torch==$torch+cpu" 2>/dev/null; then
        pip install --quiet uv
        .venv/bin/uv pip install --quiet --python .venv/bin/python --torch-backend="$backend" "torch==$torch"
    fi
fi
pip install --quiet -c constraints.txt -e ".[$extras]"
echo "Catenane is ready: .venv/bin/catenane --help"
