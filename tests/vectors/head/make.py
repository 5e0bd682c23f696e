"""Heads as PyTorch writes them: `python3 make.py` beside this file, with torch and safetensors installed.

The committed files were written by torch 1.13.1 (Debian's) and safetensors 0.4.5.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
DENSE, FIXED, PER_ATTRIBUTE, HIDDEN, ROWS = 1, 15, 3, 4, 3
SETTINGS = {
    "schema": {
        "version": 1,
        "embedding": 16,
        "dense": [{"name": "hours", "offset": 12.0, "scale": 24.0}],
        "attributes": [{"name": "creator", "rate": 0.1, "strength": 5.0}],
        "kinds": [
            {"name": "impression", "label": 0.0, "weight": 1.0, "full": 0.0},
            {"name": "click", "label": 1.0, "weight": 1.0, "full": 0.0},
            {"name": "dwell", "label": 1.0, "weight": 0.5, "full": 30000.0},
        ],
    },
    "kappa": 4.0,
    "eta": 0.7,
    "local": {"steps": 8, "batch": 8, "rate": 0.05, "pull": 0.1, "personal_rate": 0.1, "personal_pull": 0.01},
    "upload": {"epochs": 2, "rate": 0.5},
    "facts": "made by PyTorch",
}


class Net(torch.nn.Module):
    """s = skip · x + w2 · relu(b1 + x · w1)."""

    def __init__(self, features):
        super().__init__()
        self.skip = torch.nn.Parameter(torch.randn(features) / 4)
        self.w1 = torch.nn.Parameter(torch.randn(features, HIDDEN) / 4)
        self.b1 = torch.nn.Parameter(torch.randn(HIDDEN) / 4)
        self.w2 = torch.nn.Parameter(torch.randn(HIDDEN) / 4)

    def forward(self, x):
        return x @ self.skip + torch.relu(self.b1 + x @ self.w1) @ self.w2


torch.manual_seed(6)
features = DENSE + FIXED + PER_ATTRIBUTE
net, x = Net(features), torch.randn(ROWS, features)
(HERE / "settings.json").write_text(json.dumps(SETTINGS, indent=2) + "\n")
save_file(net.state_dict(), HERE / "f32.safetensors", metadata={"format": "pt", "privet": json.dumps(SETTINGS)})
for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)]:
    # What is rounded to fewer bits, and what PyTorch widens that to again: half precision's smallest number too.
    rounded = {key: value.detach().to(dtype) for key, value in net.state_dict().items()}
    rounded["b1"][0] = 2.0**-24
    save_file(rounded, HERE / f"{name}.safetensors")
    wide = torch.cat([rounded[key].to(torch.float32).flatten() for key in ("skip", "w1", "b1", "w2")])
    save_file({"wide": wide}, HERE / f"{name}-wide.safetensors")
save_file({"x": x, "s": net(x).detach()}, HERE / "forward.safetensors")
