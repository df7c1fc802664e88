"""The history of our tables; `flask referrals db` runs it."""
