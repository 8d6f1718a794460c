"""The weights as a GGUF file with vocabulary and chat template inside: written, and read to go on from."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import gguf
import numpy
import vocabulary

NAME = "conformance-probe"
TEMPLATE = Path(__file__).with_name(f"{NAME}.jinja")
HALF_PRECISION = 1
Array: TypeAlias = numpy.ndarray


def write(path: Path, weights: Mapping[str, Array], shape: Mapping[str, object]) -> None:
    """Writes a file that engines load; `weights` by GGUF's names, matrices are stored in half precision."""
    unfinished = path.with_suffix(".new")
    writer = gguf.GGUFWriter(unfinished, "qwen3")
    writer.add_name(NAME)
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["inner"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["heads"])
    writer.add_key_length(shape["head_width"])
    writer.add_value_length(shape["head_width"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(shape["theta"])
    writer.add_vocab_size(vocabulary.SIZE)
    writer.add_file_type(HALF_PRECISION)
    _add_tokenizer(writer)
    for name, values in weights.items():
        precision = numpy.float16 if values.ndim == 2 else numpy.float32
        writer.add_tensor(name, numpy.ascontiguousarray(values.astype(precision)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.replace(path)


def _add_tokenizer(writer: "gguf.GGUFWriter") -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary.TOKENS)
    writer.add_token_types(vocabulary.KINDS)
    writer.add_token_merges(vocabulary.MERGES)
    writer.add_bos_token_id(vocabulary.END_OF_TEXT)
    writer.add_eos_token_id(vocabulary.END_OF_TURN)
    writer.add_pad_token_id(vocabulary.END_OF_TEXT)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE.read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Array]:
    """The weights of a file with this vocabulary, by GGUF's names, in single precision."""
    reader = gguf.GGUFReader(path)
    tokens = tuple(reader.fields["tokenizer.ggml.tokens"].contents())
    if tokens != vocabulary.TOKENS:
        raise SystemExit(f"{path} has another vocabulary: its weights mean other tokens")
    return {tensor.name: numpy.array(tensor.data, dtype=numpy.float32) for tensor in reader.tensors}
