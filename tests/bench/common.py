# SPDX-License-Identifier: GPL-2.0
"""What report.py and page.py both know."""

import re

DRIVERS = "in-tree", "ours"
# Functions that only copy or fill memory, which compilers choose among.
COPY = re.compile(
    r"(__)?(memcpy|memmove|memset)(_orig)?|copy_page(_regs)?|clear_pages?(_\w+)?"
    r"|__clear_pages_unrolled|rep_(movs|stos)_alternative"
)
