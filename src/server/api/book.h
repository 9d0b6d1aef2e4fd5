// The book and its quotes, as requests and answers.
#pragma once

#include "engine/contracts/quote.h"
#include "spec/document.h"

namespace penstock {

struct QuoteRequest {
  std::vector<SourceText> sources;

  static constexpr auto schema() {
    return object("QuoteRequest", "The text of a contract that is asked for. Nothing is changed by it.",
                  field("sources", &QuoteRequest::sources, required, "YAML or JSON texts with one Contract, reserved and with a ramp; its Tenant may be there as well"));
  }
};

/// One GPU model at one site: what is promised of it and what there is.
struct BookRow {
  std::string site;
  std::string gpu_model;
  std::int64_t sold = 0;
  std::int64_t promised = 0;
  std::int64_t spare = 0;
  std::int64_t delivered = 0;
  std::int64_t healthy = 0;
  MilliGpu reserved;
  MilliGpu active;
  std::int64_t free = 0;

  static constexpr auto schema() {
    return object("BookRow", "One GPU model at one site: what is promised of it and what there is.",
                  field("site", &BookRow::site, required, "the site"),
                  field("gpuModel", &BookRow::gpu_model, required, "the model"),
                  field("sold", &BookRow::sold, required, "GPUs that lie there for contracts now"),
                  field("promised", &BookRow::promised, required, "GPUs that later steps and options add at most"),
                  field("spare", &BookRow::spare, required, "GPUs of spare nodes, now"),
                  field("delivered", &BookRow::delivered, required, "GPUs whose hall is there"),
                  field("healthy", &BookRow::healthy, required, "of them on nodes that can take work"),
                  field("reserved", &BookRow::reserved, required, "held under reserved contracts"),
                  field("active", &BookRow::active, required, "held by work that runs, of any class"),
                  field("free", &BookRow::free, required, "whole GPUs free on nodes that can take work"));
  }
};

struct BookView {
  Time as_of;
  std::vector<BookEntry> contracts;
  std::vector<BookRow> capacity;

  static constexpr auto schema() {
    return object("Book", "Where signed contracts would lie, what is missing of them, and what there is.",
                  field("asOf", &BookView::as_of, required, "the time it is of"),
                  field("contracts", &BookView::contracts, required,
                        "in the order in which they are laid; a tenant sees its own"),
                  field("capacity", &BookView::capacity, optional, "by site and model; not for tenants"));
  }
};

}  // namespace penstock
