# SPDX-License-Identifier: Apache-2.0
"""What soak.py and chaos.py fill the services with."""
import io
import json
import os

import numpy as np
from PIL import Image

from illmrec.common.v1 import common_pb2


def tensor(values):
    values = np.ascontiguousarray(values, dtype="<f4")
    return common_pb2.Tensor(data_type=common_pb2.DATA_TYPE_FLOAT32, shape=list(values.shape), data=values.tobytes())


def picture(number):
    """A JPEG that no other number has."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC).save(data, "JPEG", quality=85)
    return data.getvalue()


def write_catalog(directory, count, prefix):
    """items.jsonl in `directory`, of items called by the prefix and their numbers, and their pictures; arguments of `illmrec catalog encode`."""
    os.mkdir(f"{directory}/images")
    with open(f"{directory}/items.jsonl", "w") as file:
        for number in range(count):
            with open(f"{directory}/images/{number}.jpg", "wb") as image:
                image.write(picture(number))
            file.write(json.dumps({"item_id": f"{prefix}-{number}", "title": f"Thing {number}", "image": f"images/{number}.jpg"}) + "\n")
    return ["--items", f"{directory}/items.jsonl", "--images", directory]
