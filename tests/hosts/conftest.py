"""The fixture hosts' own tests are run as their authors run them, in a copy (test_hosts.py), never collected here."""

collect_ignore_glob = ["*/*"]
