"""The mix on the Hugging Face Hub, by huggingface_hub: the one module that knows it.

The token is the library's affair (HF_TOKEN, or `hf auth login`); it is neither read nor written here. A repository that
does not exist yet is made private.
"""

from __future__ import annotations

from pathlib import Path

from evol.errors import EndpointError
from evol.extras import need_extra


def check_hub() -> None:
    """Refuse early, before a long merge.

    Raises:
        UsageError: `huggingface_hub` is not installed.
    """
    with need_extra("hub", "--push-to-hub"):
        import huggingface_hub  # noqa: F401 - asked for before a long merge, not after it


def push(repo: str, files: dict[str, Path], message: str) -> str:
    """Put files into a dataset repository with one commit, so that they appear together.

    Args:
        repo: its name, e.g. "me/my-mix".
        files: path by name in the repository.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        EndpointError: no token, no permission, no network, or the Hub refused.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        made = api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        operations = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(path)) for name, path in sorted(files.items())
        ]
        found = api.create_commit(made.repo_id, operations, commit_message=message, repo_type="dataset")
    except LocalTokenNotFoundError:
        raise EndpointError(f"--push-to-hub {repo}: no token", "set HF_TOKEN, or run `hf auth login`") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        hint = "set HF_TOKEN to a token that may write there" if status in (401, 403, 404) else "try again later"
        raise EndpointError(
            f"--push-to-hub {repo}: the Hub refused (HTTP {status}); the mix itself is written", hint
        ) from None
    except Exception as error:  # noqa: BLE001 - network errors are those of whichever HTTP client the library uses
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise EndpointError(
            f"--push-to-hub {repo}: {why}; the mix itself is written",
            "check the network, then run the same command again",
        ) from None
    return str(found.commit_url)
