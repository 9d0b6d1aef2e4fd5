// JSON of the agent protocol, compiled once.
#include "runtime/protocol.h"

namespace penstock {

PENSTOCK_JSON_HERE(SyncRequest);
PENSTOCK_JSON_HERE(SyncReply);

}  // namespace penstock
