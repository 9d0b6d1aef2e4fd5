// quote, book: what can be sold, and what is.
#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "server/api/bodies.h"
#include "server/api/book.h"

namespace penstock {
namespace {

std::string amount(const LimitUse& use, std::int64_t number) {
  return use.row.ends_with(" flow") ? Text<MillilitresPerMinute>::format(MillilitresPerMinute(number)) : Text<Watts>::format(Watts(number));
}

std::string until_text(const std::optional<Time>& until) { return until ? Text<Time>::format(*until) : "-"; }

void print_lots(const std::vector<BookLot>& lots) {
  if (lots.empty()) return;
  fmt::print("\nWhere it would lie\n");
  Table table({"FROM", "UNTIL", "SITE", "MODEL", "NODES", "GPUS", "RACKS"});
  for (const BookLot& lot : lots) {
    const std::string first = lot.racks.front().substr(0, lot.racks.front().find(' '));
    const std::string last = lot.racks.back().substr(0, lot.racks.back().find(' '));
    table.row({Text<Time>::format(lot.from), until_text(lot.until), lot.site, lot.gpu_model, grouped(lot.nodes), grouped(lot.gpus),
               fmt::format("{}: {}{}{}", lot.racks.size(), first, first == last ? "" : " … " + last, lot.spare ? ", spare" : "")});
  }
  fmt::print("{}", table.text());
}

void print_nearest(const std::vector<LimitUse>& nearest) {
  if (nearest.empty()) return;
  fmt::print("\nLimits that come closest\n");
  Table table({"ROW", "AFTER THE LOSS OF", "FROM", "LOAD", "LIMIT", "USED"});
  for (const LimitUse& use : nearest) {
    table.row({use.row, use.contingency.empty() ? "-" : use.contingency, Text<Time>::format(use.from), amount(use, use.load),
               amount(use, use.limit), use.limit <= 0 ? "-" : fmt::format("{}%", mul_div_ceil(use.load, 100, use.limit))});
  }
  fmt::print("{}", table.text());
}

void print_missing(const std::string& contract, const std::vector<Shortfall>& missing) {
  if (missing.empty()) return;
  fmt::print("\nMissing of {}\n", contract);
  Table table({"FROM", "UNTIL", "GPUS", "BECAUSE"});
  for (const Shortfall& piece : missing) {
    table.row({Text<Time>::format(piece.from), until_text(piece.until), grouped(piece.gpus) + (piece.spare ? " spare" : ""), piece.bound_by});
  }
  fmt::print("{}", table.text());
}

void print_entry(const BookEntry& entry) {
  print_lots(entry.lots);
  print_nearest(entry.nearest);
  print_missing(entry.contract, entry.missing);
}

// Exits 1 if it cannot be sold.
int ask_quote(ApiClient& client, const std::vector<std::string>& files, bool sign, Format format) {
  auto sources = read_sources(files);
  if (!sources.ok()) return fail(sources.error());
  client.set_timeout(minutes(5));
  auto answer = client.post<Quote>("/v1/quote", QuoteRequest{*sources});
  if (!answer.ok()) return fail(answer.error());
  if (format != Format::kTable) {
    print_json(to_json(*answer), format);
  } else {
    fmt::print("{}\n", answer->message);
    print_entry(answer->entry);
  }
  if (!answer->possible) return 1;
  if (!sign) return 0;
  auto reply = client.post<Reply>("/v1/apply", ApplyRequest{std::move(*sources), false});
  if (!reply.ok()) return fail(reply.error());
  if (format != Format::kTable) return 0;
  fmt::print("\nsigned: {}\n", answer->contract);
  for (const std::string& effect : reply->effects) fmt::print("{}\n", effect);
  return 0;
}

int show_book(ApiClient& client, const std::string& contract, Format format) {
  auto book = client.get<BookView>("/v1/book");
  if (!book.ok()) return fail(book.error());
  if (!contract.empty()) {
    std::erase_if(book->contracts, [&](const BookEntry& entry) { return entry.contract != contract; });
    if (book->contracts.empty()) return fail(make_error(Code::kNotFound, fmt::format("the book has no contract '{}'", contract)));
    book->capacity.clear();
  }
  if (format != Format::kTable) {
    print_json(to_json(*book), format);
    return 0;
  }
  if (book->contracts.empty()) fmt::print("no reserved contract with a ramp is signed\n");
  if (!book->contracts.empty()) {
    Table table({"CONTRACT", "SOLD", "PROMISED", "SITES", "MISSING", "FROM", "OVERSOLD"});
    for (const BookEntry& entry : book->contracts) {
      std::set<std::string> sites;
      for (const BookLot& lot : entry.lots) sites.insert(lot.site);
      std::int64_t most = 0;
      std::optional<Time> from;
      for (const Shortfall& piece : entry.missing) {
        most = std::max(most, piece.gpus);
        from = from ? std::min(*from, piece.from) : piece.from;
      }
      table.row({entry.contract, grouped(entry.sold), grouped(entry.promised),
                 sites.size() > 4 ? fmt::format("{} sites", sites.size()) : fmt::format("{}", fmt::join(sites, ", ")),
                 most == 0 ? "-" : grouped(most), from ? Text<Time>::format(*from) : "-", entry.oversold ? "yes" : "-"});
    }
    fmt::print("{}", table.text());
  }
  for (const BookEntry& entry : book->contracts) {
    if (contract.empty()) {
      print_missing(entry.contract, entry.missing);
    } else {
      print_entry(entry);
    }
  }
  if (book->capacity.empty()) return 0;
  fmt::print("\n");
  Table table({"SITE", "MODEL", "SOLD", "PROMISED", "SPARE", "DELIVERED", "HEALTHY", "RESERVED", "ACTIVE", "FREE"});
  for (const BookRow& row : book->capacity) {
    table.row({row.site, row.gpu_model, grouped(row.sold), grouped(row.promised), grouped(row.spare), grouped(row.delivered), grouped(row.healthy),
               Text<MilliGpu>::format(row.reserved), Text<MilliGpu>::format(row.active), grouped(row.free)});
  }
  fmt::print("{}", table.text());
  return 0;
}

}  // namespace

void add_book_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::vector<std::string> files;
    std::string contract;
    bool sign = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* quote_verb = app.add_subcommand("quote", "Whether a contract can be sold, from when and how much of it; exit 1 if not");
  quote_verb->add_option("-f,--file", flags->files, "file with one reserved Contract, or - for standard input")->required();
  quote_verb->add_flag("--sign", flags->sign, "apply it if it can be sold");
  quote_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return ask_quote(client, flags->files, flags->sign, cli.output()); });
  });
  auto* book_verb = app.add_subcommand("book", "What is sold, where it would lie, what is missing of it, and what there is");
  book_verb->add_option("contract", flags->contract, "tenant/contract: all about one");
  book_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return show_book(client, flags->contract, cli.output()); });
  });
}

}  // namespace penstock
