// JSON of facts and events, compiled once.
#include "engine/event.h"

namespace penstock {

PENSTOCK_JSON_HERE(AgentHello);
PENSTOCK_JSON_HERE(TaskReport);
PENSTOCK_JSON_HERE(Reply);
PENSTOCK_JSON_HERE(Allocation);
PENSTOCK_JSON_HERE(Usage);
PENSTOCK_JSON_HERE(Job);
PENSTOCK_JSON_HERE(Books);
PENSTOCK_JSON_HERE(Invoice);
PENSTOCK_JSON_HERE(Facts);
PENSTOCK_JSON_HERE(EventRecord);

}  // namespace penstock
