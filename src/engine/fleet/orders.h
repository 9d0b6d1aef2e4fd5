// What people order about nodes, and say of them.
#pragma once

#include "engine/step.h"

namespace penstock {

Result<Reply> cordon_node(Step& step, const CordonNode& command);
/// Along the table of the node's life, as far as persons may; what holds work is drained first.
Result<Reply> move_node(Step& step, const MoveNode& command);
/// A remedy once the node is idle. With `now` it is refused while work runs there, unless `force` ends that.
Result<Reply> mend_node(Step& step, const MendNode& command);
Result<Reply> close_ticket(Step& step, const CloseTicket& command);
/// The node of a running task has a fault, says its tenant: a ticket, no new work there until the node has passed its test, and the
/// gang starts again with a spare. Where the site's fleet has no rules, or only observes, the node is cordoned for a person.
/// kLimitExceeded while the tenant has kMostReports open.
Result<Reply> replace_task(Step& step, const ReplaceTask& command);
inline constexpr int kMostReports = 10;

}  // namespace penstock
