"""Posts: their ids, the videos they come from, and what was published with them."""

from valex_local.posts.discover import Discovery, discover
from valex_local.posts.ids import PostKey, post_key, same_post

__all__ = ["Discovery", "PostKey", "discover", "post_key", "same_post"]
