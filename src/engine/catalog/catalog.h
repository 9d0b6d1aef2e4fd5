// Applying and deleting objects: everything is checked against everything before the first event is written.
#pragma once

#include "engine/step.h"

namespace penstock {

/// `store_country`: where the log lies, for tenants and contracts that are bound to countries; empty: nobody told.
Result<Reply> apply_documents(Step& step, const ApplyDocuments& command, const std::string& store_country);
Result<Reply> delete_object(Step& step, const DeleteObject& command);

}  // namespace penstock
