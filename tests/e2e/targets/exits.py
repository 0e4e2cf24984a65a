"""A process that ends by itself, with status 7.

Truth: the status.
"""

import sys
import time

import truth

options = truth.arguments(__doc__)
truth.ready()
time.sleep(options.seconds)
truth.tell(status=7)
sys.exit(7)
