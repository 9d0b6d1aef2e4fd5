// Applying and deleting objects: everything is checked against everything before the first event is written.
#pragma once

#include "engine/step.h"

namespace penstock {

Result<Reply> apply_documents(Step& step, const ApplyDocuments& command);
Result<Reply> delete_object(Step& step, const DeleteObject& command);

}  // namespace penstock
