"""Takes the wanted files out of the one wheel in a folder: unpack.py FOLDER DESTINATION PREFIX..."""

import os
import sys
import zipfile

folder, destination, *prefixes = sys.argv[1:]
(wheel,) = os.listdir(folder)
with zipfile.ZipFile(os.path.join(folder, wheel)) as archive:
    wanted = [member for member in archive.infolist() if member.filename.startswith(tuple(prefixes))]
    if not wanted:
        sys.exit("error: %s holds none of %s" % (wheel, ", ".join(prefixes)))
    for member in wanted:
        path = archive.extract(member, destination)
        if not member.is_dir():
            # zipfile drops the mode; node and ptxas must stay executable.
            os.chmod(path, 0o644 | (member.external_attr >> 16 & 0o111))
