// JSON of specs, compiled once.
#include "spec/access.h"
#include "spec/estate.h"
#include "spec/tenancy.h"
#include "spec/workload.h"

namespace penstock {

PENSTOCK_JSON_HERE(NodeTypeSpec);
PENSTOCK_JSON_HERE(FleetSpec);
PENSTOCK_JSON_HERE(WaveSpec);
PENSTOCK_JSON_HERE(SiteSpec);
PENSTOCK_JSON_HERE(RestrictionSpec);
PENSTOCK_JSON_HERE(TenantSpec);
PENSTOCK_JSON_HERE(ProjectSpec);
PENSTOCK_JSON_HERE(ContractSpec);
PENSTOCK_JSON_HERE(PrincipalSpec);
PENSTOCK_JSON_HERE(GrantSpec);
PENSTOCK_JSON_HERE(JobSpec);

}  // namespace penstock
