"""The engines that trained a fleet, in words."""

__all__ = ["engine_sentence", "engine_words"]

_WHO = {
    "native": "The native engine, Profunda's own in C++, trained all networks",
    "torch": "The torch engine, on PyTorch, trained all networks",
    "native and torch": (
        "Two engines trained, each network on one of them: the native one, Profunda's own in C++, and the "
        "torch one, on PyTorch"
    ),
}
_INSTRUCTIONS = {
    "avx512": "AVX-512 instructions of the processor, 16 numbers at a time",
    "avx2": "AVX2 and FMA instructions of the processor, 8 numbers at a time",
    "neon": "NEON instructions of the processor, 4 numbers at a time",
    "generic": "instructions that every processor of this kind has, 4 numbers at a time",
}


def engine_words(engine: str, instruction_set: str) -> str:
    """The engines that trained, with the instructions that the native one used."""
    return engine.replace("native", f"native ({instruction_set})") if instruction_set else engine


def engine_sentence(engine: str, instruction_set: str, reason: str) -> str:
    """Which engines trained, why, and by what instructions; "" where nothing was trained."""
    if engine not in _WHO:
        return ""
    told = f"{_WHO[engine]}: {reason}."
    if not instruction_set:
        return told
    how = _INSTRUCTIONS.get(instruction_set, f"{instruction_set} instructions")
    return f"{told} The native one calculated with {how} ({instruction_set})."
