"""What answers a request: an OpenAI-compatible endpoint, the embedded local model, a scripted double."""
