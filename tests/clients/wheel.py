"""Makes a wheel of nothing but a name: wheel.py DIRECTORY."""

import sys
import zipfile

metadata = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
wheel = "Wheel-Version: 1.0\nGenerator: corstap\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
with zipfile.ZipFile(f"{sys.argv[1]}/tiny-1.0-py3-none-any.whl", "w") as archive:
    for name, text in [("tiny.py", "x = 1\n"), ("tiny-1.0.dist-info/METADATA", metadata),
                       ("tiny-1.0.dist-info/WHEEL", wheel), ("tiny-1.0.dist-info/RECORD", "")]:
        archive.writestr(name, text)
