"""Paths of LiteLLM at which models are asked: the key of a client is good for these, and not for LiteLLM's settings.

LiteLLM sees its master key in the place of a client's key, so everything that only an administrator may do has to be
kept from clients here.

Source: LiteLLM 1.106.2, proxy/_types.py: `LiteLLMRoutes.llm_api_routes`, without routes that manage something.
"""

from __future__ import annotations

_OPENAI = (
    *("chat/completions", "completions", "responses", "embeddings", "moderations", "rerank", "ocr", "models"),
    *("images", "audio", "videos", "realtime", "files", "batches", "fine_tuning", "assistants", "threads"),
    *("vector_stores", "containers", "search", "live/sessions", "messages", "skills", "model/info"),
)
_GOOGLE = ("/v1beta/models", "/interactions", "/v1beta/interactions")
_OTHERS = (
    *("/engines", "/v2/rerank", "/cursor", "/utils/token_counter", "/utils/model_info", "/model_group/info"),
    *("/mcp", "/mcp-rest/tools", "/v1/mcp/tools", "/a2a", "/v1/a2a", "/agents", "/rag/query", "/v1/rag/query"),
)
_VENDORS = (
    *("bedrock", "azure_speech", "vertex-ai", "vertex_ai", "cohere", "gemini", "anthropic", "azure", "azure_ai"),
    *("openai", "openai_passthrough", "assemblyai", "vllm", "mistral", "openrouter", "watsonx", "nvidia_nim"),
    *("deepgram", "fal_ai"),
)


def _with_all_below(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for one in paths for path in (one, f"{one}/*"))


PATHS = _with_all_below(
    (
        *(f"{prefix}/{word}" for word in _OPENAI for prefix in ("/v1", "")),
        *_GOOGLE,
        *_OTHERS,
        *(f"/{vendor}" for vendor in _VENDORS),
    )
)
