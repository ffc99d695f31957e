// Nothing is live yet; every page works without this script.
"use strict";
