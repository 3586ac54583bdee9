"""The optional native part: lm/native once for each kind of processor that it is fast on.

Everything else is in pyproject.toml. Where there is no compiler, or not this kind of processor,
the installation goes on without, and PyTorch computes what these would.
"""

import platform
import sys

from setuptools import Extension, setup

FLAGS = ["-std=c++17", "-O3", "-g0", "-pthread", "-fvisibility=hidden"]
PROCESSORS = {  # module: what its code may use; lm/native/code.py asks before it loads one
    "_avx512bf16": ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512bf16"],
    "_avx2": ["-mavx2", "-mfma"],
}
HEADERS = ["arguments", "buffer", "decoder", "drawer", "drawing", "kernels", "mixer", "pool"]

setup(
    ext_modules=[
        Extension(
            f"lm.native.{name}",
            ["lm/native/module.cpp", "lm/native/drawing.cpp"],
            depends=[f"lm/native/{part}.hpp" for part in HEADERS],
            define_macros=[("INIT", f"PyInit_{name}")],
            extra_compile_args=[*FLAGS, *flags],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,
        )
        for name, flags in PROCESSORS.items()
        if platform.machine() in ("x86_64", "AMD64", "i686") and sys.platform != "win32"
    ]
)
