// What limits carry, what a loss would do, and whether parts may be out.
#include "base/name.h"
#include "engine/power/outlook.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> out;
  // A range has commas of its own: ups-[a,b].
  int depth = 0;
  std::string name;
  for (char c : list) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0) {
      if (!name.empty()) out.push_back(std::exchange(name, {}));
    } else {
      name += c;
    }
  }
  if (!name.empty()) out.push_back(std::move(name));
  return out;
}

template <class T>
Result<std::optional<T>> in_query(const Call& call, const std::string& name) {
  const std::string given = text(call, name);
  if (given.empty()) return std::optional<T>();
  auto parsed = Text<T>::parse(given);
  if (!parsed.ok()) {
    parsed.error().path = name;
    return std::move(parsed).error();
  }
  return std::optional<T>(*parsed);
}

// The question's time, if it lies ahead. What was is in the event log.
Result<std::optional<Time>> later_of(const Call& call, Time now) {
  PENSTOCK_TRY(at, in_query<Time>(call, "at"));
  if (at && *at < now) {
    return make_error(Code::kInvalid, fmt::format("expected a time from now on, found {}; what was stands in the event log", Text<Time>::format(*at)), "at");
  }
  return at;
}

Result<EstateLoss> parts_in(const Call& call, const Estate& estate, SiteIndex site) {
  auto parts = estate.find_parts(site, names_in(text(call, "parts")));
  if (!parts.ok()) {
    parts.error().path = "parts";
    parts.error().file.clear();
  }
  return parts;
}

// Answers with `ask(view, site, what)`, for a site, a time and parts that stand.
template <class Ask>
void answer(Core& core, const std::shared_ptr<Call>& call, Ask ask) {
  core.read([call, ask](Core::View& view) {
    const SiteIndex site = view.state.estate().find_site(call->name());
    if (site == kNowhere) return refuse(call, unknown("Site", call->name()));
    auto later = later_of(*call, view.now);
    if (!later.ok()) return refuse(call, later.error());
    auto lost = parts_in(*call, view.state.estate(), site);
    if (!lost.ok()) return refuse(call, lost.error());
    auto import = in_query<Watts>(*call, "import");
    if (!import.ok()) return refuse(call, import.error());
    ask(view, site, WhatIf{*later, std::move(*lost), *import});
  });
}

}  // namespace

void Api::site_power(std::shared_ptr<Call> call) {
  answer(core_, call, [call](Core::View& view, SiteIndex site, const WhatIf& what) {
    call->respond(json_response(penstock::site_power(view.state, site, what, view.now)));
  });
}

void Api::site_loss(std::shared_ptr<Call> call) {
  if (text(*call, "parts").empty() && text(*call, "import").empty()) {
    return refuse(call, make_error(Code::kInvalid, "name what is lost: parts, import or both", "parts"));
  }
  answer(core_, call, [call](Core::View& view, SiteIndex site, const WhatIf& what) {
    call->respond(json_response(loss_outlook(view.state, site, what, view.now)));
  });
}

void Api::site_contingencies(std::shared_ptr<Call> call) {
  answer(core_, call, [call](Core::View& view, SiteIndex site, const WhatIf&) {
    call->respond(json_response(contingency_outlook(view.state, site)));
  });
}

void Api::plan_maintenance(std::shared_ptr<Call> call) {
  RestrictionSpec spec;
  spec.cause = RestrictionCause::kMaintenance;
  spec.parts = names_in(text(*call, "parts"));
  if (spec.parts.empty()) return refuse(call, make_error(Code::kInvalid, "name the parts that would be out, joined by commas", "parts"));
  for (const auto& [name, into] : {std::pair("from", &spec.from), std::pair("until", &spec.until)}) {
    auto time = in_query<Time>(*call, name);
    if (!time.ok()) return refuse(call, time.error());
    if (!*time) return refuse(call, make_error(Code::kInvalid, "maintenance has a window: both from and until", name));
    *into = *time;
  }
  if (*spec.until <= *spec.from) return refuse(call, make_error(Code::kInvalid, "the window ends before it begins", "until"));
  answer(core_, call, [call, spec](Core::View& view, SiteIndex site, const WhatIf&) {
    if (*spec.until <= view.now) return refuse(call, make_error(Code::kInvalid, "the window has passed", "until"));
    call->respond(json_response(maintenance_plan(view.state, site, spec, view.now)));
  });
}

}  // namespace penstock
