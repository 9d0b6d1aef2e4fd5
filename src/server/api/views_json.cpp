// JSON of views, compiled once.
#include "server/api/views.h"

namespace penstock {

PENSTOCK_JSON_HERE(ObjectView);
PENSTOCK_JSON_HERE(JobView);
PENSTOCK_JSON_HERE(NodeView);

}  // namespace penstock
