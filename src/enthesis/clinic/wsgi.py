"""Where a web server takes hold."""

import os

from django.core.wsgi import get_wsgi_application

from enthesis.clinic.secret import data_directory, keep_key

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
keep_key(data_directory())
application = get_wsgi_application()
