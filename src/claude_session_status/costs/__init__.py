"""What cold caches cost: the requests of the past, which of them missed the cache, and why."""
