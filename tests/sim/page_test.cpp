// The page of a report: well-formed, complete, closed to what users name their things, and in need of nothing else.
#include "sim/page.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <regex>
#include <set>

#include "sim/page/axes.h"
#include "sim/page/figures.h"
#include "sim/page/plot.h"

namespace penstock {
namespace {

using page::difference;
using page::Verdict;

Cohort cohort(std::string service_class, std::string size, std::int64_t p50) {
  Cohort out{.service_class = std::move(service_class), .size = std::move(size)};
  out.submitted = 250'000;
  out.started = 240'000;
  out.ended = 230'000;
  out.waiting = 10'000;
  out.queueing = {240'000, 2 * p50, p50, 4 * p50, 40 * p50, 90 * p50};
  out.completion = {230'000, 20 * p50, 10 * p50, 40 * p50, 400 * p50, 900 * p50};
  return out;
}

SimReport report(std::string variant = "", std::int64_t p50 = 720) {
  SimReport out{.scenario = "campus", .variant = std::move(variant), .seed = 7};
  out.from = *Text<Time>::parse("2026-06-01");
  out.until = *Text<Time>::parse("2026-07-01");
  out.sites = 2;
  out.nodes = 31'250;
  out.gpus = 250'000;
  out.jobs = 250'000;
  out.log_hash = "9f86d081884c7d65";
  out.allocation = Ppm(873'412);
  out.allocation_when_asked = Ppm(954'300);
  out.goodput = Ppm(961'000);
  out.ettr = Ppm(917'000);
  out.preemptions = 1'832;
  out.faults = 412;
  out.promises = 1'204;
  out.promises_late = 3;
  out.lateness = {3, 600, 600, 720, 720, 720};
  out.cohorts = {cohort("reserved", "1", p50), cohort("reserved", "2-8", p50), cohort("all", "all", p50)};
  out.models = {{"gb300", 250'000, 180'000'000, 150'000'000, Ppm(833'333)}};
  out.by_site = {{"north", 150'000, 100'000'000, 90'000'000, Ppm(900'000)},
                 {"south", 100'000, 80'000'000, 60'000'000, Ppm(750'000)}};
  out.energy = {{"north", 200'000, Money{8'000'000'000'000, "USD"}, 1'500'000, 540'000, 512'300, Ppm(12'000)},
                {"south", 150'000, std::nullopt, 0, 0, 310'000, Ppm()}};
  for (int i = 0; i < 50; ++i) {
    Sample sample{.at = out.from + hours(14 * i)};
    sample.gpus = 250'000'000 - i % 7 * 8'000;
    sample.used = 210'000'000 + i % 11 * 1'000'000;
    sample.useful = sample.used - i * 1'000;
    sample.waiting_jobs = i * p50 / 100;
    sample.waiting_gpus = i * 64'000;
    sample.granted_kw = 480'000 + i % 11 * 2'000;
    sample.limit_kw = i < 20 ? 0 : 540'000;
    sample.nodes_down = i % 7;
    out.samples.push_back(sample);
  }
  out.stranded = {{"north", "phase", 40'000}};
  out.breaches = {{"acme/reserved", 1'234, 512, Money{2'468'000'000, "USD"}}};
  out.billed = {{7, Money{123'456'000'000, "USD"}, Money{1'000'000, "USD"}, Money{0, "USD"}}};
  out.happenings = {{out.from + hours(24 * 12), "Restriction north/order applied"}};
  out.notes = {"energised power of north: 540 MW from 13 Jun on"};
  return out;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t times(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What is wrong with the tags of a page, or nothing: each one closed in its order, each attribute in quotes, each id
// used once, and what a label refers to there.
std::string fault_of(const std::string& html) {
  static const std::regex kTag(R"re(<(/?)([a-z0-9]+)((?:\s+[a-zA-Z-]+="[^"<>]*")*)\s*(/?)>)re");
  static const std::regex kReference(R"re((id|aria-labelledby|aria-describedby)="([^"]*)")re");
  static const std::set<std::string> kVoid{"meta", "br"};
  std::vector<std::string> open;
  std::set<std::string> ids;
  std::set<std::string> referred;
  std::size_t at = html.find('>') + 1;  // behind the doctype
  for (std::smatch tag; at < html.size();) {
    at = html.find('<', at);
    if (at == std::string::npos) break;
    if (!std::regex_search(html.begin() + static_cast<std::ptrdiff_t>(at), html.end(), tag, kTag,
                           std::regex_constants::match_continuous)) {
      return "no tag: " + html.substr(at, 80);
    }
    at += static_cast<std::size_t>(tag.length());
    const std::string name = tag[2];
    const std::string attributes = tag[3];
    for (std::sregex_iterator i(attributes.begin(), attributes.end(), kReference), end; i != end; ++i) {
      if ((*i)[1] != "id") {
        referred.insert((*i)[2]);
      } else if (!ids.insert((*i)[2]).second) {
        return "twice: " + i->str();
      }
    }
    if (tag[1].length() > 0) {
      if (open.empty() || open.back() != name) return "not open: " + name;
      open.pop_back();
    } else if (tag[4].length() == 0 && !kVoid.contains(name)) {
      open.push_back(name);
      if (name == "script" || name == "style") at = html.find("</" + name + ">", at);  // no tags in there
    }
  }
  for (const std::string& id : referred) {
    if (!ids.contains(id)) return "refers to nothing: " + id;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

// The first coordinate of the plots that lies outside their box, or nothing.
std::string outside(const std::string& html) {
  static const std::regex kPath(R"re(\sd="([^"]*)")re");
  static const std::regex kPair(R"((-?\d+),(-?\d+))");
  static const std::regex kPlace(R"re(\s(x|cx|y|cy)="(-?\d+)")re");
  const auto in_box = [](std::int64_t x, std::int64_t y) {
    return x >= 0 && x <= page::kPlotWidth && y >= 0 && y <= page::kPlotHeight;
  };
  for (std::sregex_iterator path(html.begin(), html.end(), kPath), end; path != end; ++path) {
    const std::string d = (*path)[1];
    for (std::sregex_iterator pair(d.begin(), d.end(), kPair); pair != end; ++pair) {
      if (!in_box(std::stoll((*pair)[1]), std::stoll((*pair)[2]))) return pair->str();
    }
    if (has(d, "-")) return d;
  }
  for (std::sregex_iterator place(html.begin(), html.end(), kPlace), end; place != end; ++place) {
    const bool x = (*place)[1] == "x" || (*place)[1] == "cx";
    const std::int64_t value = std::stoll((*place)[2]);
    if (!in_box(x ? value : 0, x ? 0 : value)) return place->str();
  }
  return "";
}

// Whatever the reports, a page is sound.
void expect_sound(const std::string& html) {
  EXPECT_EQ(fault_of(html), "");
  EXPECT_EQ(outside(html), "");
  for (const std::string_view fetched : {"http://", "https://", "src=", "@import", "url(", "<link"}) {
    EXPECT_FALSE(has(html, fetched)) << fetched;
  }
}

TEST(Page, HasEverySection) {
  const std::string html = report_page({report("fast")});
  expect_sound(html);
  for (const std::string_view id :
       {"figures", "over-time", "queueing", "completion", "models", "sites", "energy", "notes"}) {
    EXPECT_EQ(times(html, fmt::format("<h2 id=\"{}\">", id)), 1) << id;
  }
  for (const std::string_view text :
       {"campus", "fast", "seed 7", "1 Jun 2026 to 1 Jul 2026 (30 d)", "31,250 nodes", "250,000 GPUs", "87.3%", "95.4%",
        "12 min", "1,832", "3 of 1,204 late, p90 12 min", "99.8%", "350,000 MWh", "8,000,000 USD", "1,500 t",
        "512.3 MW", "83.3%", "9f86d081884c7d65", "energised power of north", "acme/reserved", "1,234", "40.0 MW",
        "Restriction north/order applied"}) {
    EXPECT_TRUE(has(html, text)) << text;
  }
  EXPECT_EQ(times(html, "<svg "), 6);
  EXPECT_EQ(times(html, "</title>"), 13) << "of the page, of each plot, and of what happened in each";
  EXPECT_EQ(times(html, "</desc>"), 6);
}

TEST(Page, EscapesWhatUsersName) {
  const std::string evil = R"(</title></script><script>alert('1')</script>"&)";
  SimReport bad = report(evil);
  bad.scenario = evil;
  bad.log_hash = evil;
  bad.cohorts[0].service_class = bad.cohorts[1].size = bad.models[0].name = bad.by_site[0].name = bad.energy[0].site =
      evil;
  bad.energy[0].cost->currency = evil;
  bad.happenings[0].what = bad.stranded[0].site = bad.breaches[0].contract = evil;
  bad.notes = {evil, std::string("nul\0bell\a", 9)};
  SimReport other = bad;
  other.scenario = "other";
  for (const std::string& html : {report_page({bad}), report_page({bad, other}), report_page({bad, bad})}) {
    expect_sound(html);
    EXPECT_EQ(times(html, "<script"), 2);
    EXPECT_EQ(times(html, "alert('1')"), 0);
    EXPECT_GE(times(html, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"), 8);
    EXPECT_FALSE(has(html, std::string_view("\0", 1)) || has(html, "\a"));
  }
}

TEST(Page, SetsRunsSideBySide) {
  SimReport fast = report("fast", 360);
  for (Sample& sample : fast.samples) sample.used += 1'000;
  const std::string html = report_page({report("base"), fast});
  expect_sound(html);
  EXPECT_TRUE(has(html, "campus: 2 runs compared"));
  // In the heads of ten tables, in the legends of six plots, and as a line in each of them.
  EXPECT_EQ(times(html, "</span>base</th>"), 10);
  EXPECT_EQ(times(html, "</span>fast</th>"), 10);
  EXPECT_EQ(times(html, "</span>fast <output>"), 6);
  EXPECT_EQ(times(html, "class=\"line c2\""), 6);
  EXPECT_TRUE(has(html, "6 min<small class=\"better\" title=\"better\">-50.0%</small>"));
  EXPECT_EQ(times(html, "</span>fit for work <output>"), 1) << "alike in both runs, and drawn once";
  EXPECT_EQ(times(html, "class=\"line c0 reference\""), 2) << "and the limit";
  EXPECT_FALSE(has(html, ", in use <output>")) << "which the first plot shows";
}

TEST(Page, DrawsLimitsOfEachRunWhereTheyDiffer) {
  SimReport without = report("no-limit");
  for (Sample& sample : without.samples) sample.limit_kw = 0;
  const std::string html = report_page({without, report("base")});
  expect_sound(html);
  EXPECT_TRUE(has(html, "</span>base, limit <output>"));
  EXPECT_FALSE(has(html, "</span>no-limit, limit <output>"));
}

TEST(Page, CountsFromTheBeginWhereRunsBeginApart) {
  SimReport later = report("later");
  later.from = later.from + hours(5);
  const std::string html = report_page({report("base"), later});
  expect_sound(html);
  EXPECT_TRUE(has(html, ">+7 d</text>"));
  EXPECT_FALSE(has(html, ">8 Jun</text>"));
  EXPECT_TRUE(has(html, "{\"base\":null"));
}

TEST(Page, OfLittle) {
  expect_sound(report_page({}));
  const std::string empty = report_page({SimReport()});
  expect_sound(empty);
  EXPECT_EQ(times(empty, "No samples."), 6);
  EXPECT_EQ(times(empty, "Nothing to show."), 5);
  EXPECT_FALSE(has(empty, "<svg"));

  SimReport single = report();
  single.samples.resize(1);
  const std::string html = report_page({single});
  expect_sound(html);
  EXPECT_GE(times(html, " dots\" d=\"M680,"), 6) << "a point alone is a dot";
  expect_sound(report_page({single, SimReport()}));
}

TEST(Page, KeepsToItsBoxWhateverTheSamples) {
  SimReport odd = report();
  odd.samples[3].used = std::numeric_limits<std::int64_t>::max();
  odd.samples[4].granted_kw = -5;
  odd.samples[5].at = odd.until + hours(1000);
  odd.samples[6].at = odd.from - hours(1000);
  expect_sound(report_page({odd}));
  odd.until = odd.from;
  expect_sound(report_page({odd}));
}

TEST(Page, IsTheSameForTheSameInput) {
  EXPECT_EQ(report_page({report("a"), report("b", 9)}), report_page({report("a"), report("b", 9)}));
}

TEST(Comparison, AsText) {
  SimReport fast = report("fast", 360);
  fast.allocation = Ppm(901'000);
  fast.preemptions = 2'000;
  fast.promises_late = 0;
  const std::string text = comparison_text({report("base"), fast});
  EXPECT_TRUE(text.starts_with(R"(                                    base            fast
Allocation                         87.3%           90.1%   +2.8 pt
Goodput                            96.1%           96.1%         =
ETTR                               91.7%           91.7%         =
Promises kept                      99.8%          100.0%   +0.2 pt
Queueing p50                      12 min           6 min    -50.0%
)")) << text;
  EXPECT_TRUE(has(text, "Preemptions                        1,832           2,000     +9.2%\n")) << text;
  EXPECT_TRUE(text.ends_with("Differences are to base; pt: percentage points.\n"));
  EXPECT_FALSE(has(comparison_text({report()}), "Differences"));
  EXPECT_EQ(comparison_text({}), "No runs.\n");
  EXPECT_FALSE(has(comparison_text({report("\x1b[31mred\n")}), "\x1b"));
}

TEST(Figures, Labels) {
  SimReport other = report();
  other.scenario = "other";
  SimReport seed = report();
  seed.seed = 8;
  using L = std::vector<std::string>;
  EXPECT_EQ(page::run_labels({report("a"), report()}), (L{"a", "campus"}));
  EXPECT_EQ(page::run_labels({report("a"), other}), (L{"campus / a", "other"}));
  EXPECT_EQ(page::run_labels({report(), seed}), (L{"seed 7", "seed 8"}));
  EXPECT_EQ(page::run_labels({report("a"), report("a"), seed}), (L{"a, seed 7, run 1", "a, seed 7, run 2", "campus"}));
  EXPECT_EQ(page::run_labels({SimReport()}), (L{"unnamed"}));
}

TEST(Figures, Differences) {
  using namespace page;
  const auto text = [](const Figure& a, const Figure& b) {
    const Difference d = difference(a, b);
    const std::array words{"", " same", " better", " worse"};
    return d.text + words[static_cast<std::size_t>(d.verdict)];
  };
  EXPECT_EQ(text(count(100, Better::kLess), count(88, Better::kLess)), "-12.0% better");
  EXPECT_EQ(text(count(100, Better::kMore), count(88, Better::kMore)), "-12.0% worse");
  EXPECT_EQ(text(count(100), count(1'250)), "+1,150%");
  EXPECT_EQ(text(count(0, Better::kLess), count(3, Better::kLess)), "from 0 worse");
  EXPECT_EQ(text(count(10'000), count(10'001)), "≈ same");
  EXPECT_EQ(text(count(3), count(3)), "= same");
  EXPECT_EQ(text(ratio(Ppm(0), Better::kMore), ratio(Ppm(28'400), Better::kMore)), "+2.8 pt better");
  EXPECT_EQ(text(cost(Money{5, "USD"}), cost(Money{6, "NOK"})), "");
  EXPECT_EQ(text(Figure(), count(3)), "");
}

TEST(Figures, CostsOfSeveralCurrenciesStandBesideEachOther) {
  SimReport two = report();
  two.energy[1].cost = Money{2'500'000, "NOK"};
  EXPECT_TRUE(has(comparison_text({two}), "2.50 NOK + 8,000,000 USD"));
}

TEST(Words, Durations) {
  const std::vector<std::pair<std::int64_t, std::string>> cases{
      {0, "0 s"},         {59, "59 s"},           {60, "1 min"},
      {545, "9 min 5 s"}, {600, "10 min"},        {3'569, "59 min"},
      {3'570, "1 h"},     {11'520, "3 h 12 min"}, {86'369, "23 h 59 min"},
      {86'399, "1 d"},    {370'000, "4 d 7 h"},   {100'000'000, "1,157 d 10 h"}};
  for (const auto& [seconds, text] : cases) EXPECT_EQ(page::duration(seconds), text) << seconds;
}

TEST(Words, Numbers) {
  EXPECT_EQ(page::grouped(0), "0");
  EXPECT_EQ(page::grouped(999), "999");
  EXPECT_EQ(page::grouped(250'000), "250,000");
  EXPECT_EQ(page::grouped(-1'234'567), "-1,234,567");
  EXPECT_EQ(page::fixed(-40, 1'000, 1), "0.0");
  EXPECT_EQ(page::fixed(-60, 1'000, 1), "-0.1");
  EXPECT_EQ(page::fixed(12'345, 1'000, 2), "12.35");
  EXPECT_EQ(page::brief(43'210, 1'000), "43.2");
  EXPECT_EQ(page::brief(99'960, 1'000), "100");
  EXPECT_EQ(page::brief(8'000, 1'000), "8");
  EXPECT_EQ(page::percent(Ppm(999'999)), "99.9%") << "not all";
  EXPECT_EQ(page::percent(Ppm(1'000'000)), "100.0%");
  EXPECT_EQ(page::power(9'800), "9,800 kW");
  EXPECT_EQ(page::power(2'200'000), "2,200.0 MW");
  EXPECT_EQ(page::money(Money{41'230'000, "USD"}), "41.23 USD");
  EXPECT_EQ(page::date(*Text<Time>::parse("2026-06-13T04:05:06Z")), "13 Jun 2026 04:05");
  EXPECT_EQ(page::plain("Narvik–Øst", 8), "Narvik–…");
}

std::string marks(const std::vector<page::Mark>& marks) {
  std::string out;
  for (const page::Mark& mark : marks) out += (out.empty() ? "" : " | ") + mark.label;
  return out;
}

TEST(Axes, Values) {
  EXPECT_EQ(marks(page::value_marks(0, 1'000)), "0 | 1");
  EXPECT_EQ(marks(page::value_marks(3, 1)), "0 | 1 | 2 | 3");
  EXPECT_EQ(marks(page::value_marks(1'500, 1'000)), "0 | 0.5 | 1 | 1.5");
  EXPECT_EQ(marks(page::value_marks(250'000'000, 1'000)), "0 | 50,000 | 100,000 | 150,000 | 200,000 | 250,000");
  EXPECT_EQ(marks(page::value_marks(43'210, 1'000)), "0 | 10 | 20 | 30 | 40 | 50");
}

TEST(Axes, Times) {
  const auto from = [](std::string_view begin, Duration span) {
    return marks(page::time_marks({span.count() / 1'000'000'000, *Text<Time>::parse(begin)}));
  };
  EXPECT_EQ(from("2026-06-01", hours(24)), "1 Jun | 03:00 | 06:00 | 09:00 | 12:00 | 15:00 | 18:00 | 21:00 | 2 Jun");
  EXPECT_EQ(from("2026-06-01T10:07:00Z", minutes(40)), "10:10 | 10:15 | 10:20 | 10:25 | 10:30 | 10:35 | 10:40 | 10:45");
  EXPECT_EQ(from("2026-06-03", hours(24 * 30)), "8 Jun | 15 Jun | 22 Jun | 29 Jun") << "Mondays";
  EXPECT_EQ(from("2026-11-15", hours(24 * 150)), "Dec 2026 | Jan 2027 | Feb 2027 | Mar 2027 | Apr 2027");
  EXPECT_EQ(from("2026-06-01", hours(24 * 1'826)), "Jan 2027 | Jan 2028 | Jan 2029 | Jan 2030 | Jan 2031");
  EXPECT_EQ(marks(page::time_marks({86'400 * 30, std::nullopt})), "0 | +7 d | +14 d | +21 d | +28 d");
  for (std::int64_t span = 1; span < 10'000'000'000; span = span * 5 / 3 + 1) {
    for (const std::optional<Time> begin : {std::optional(Time{1'780'000'123'000'000'000}), std::optional<Time>()}) {
      const auto found = page::time_marks({span, begin});
      EXPECT_LE(found.size(), 9) << span;
      for (const page::Mark& mark : found) EXPECT_TRUE(mark.at >= 0 && mark.at <= span) << span;
    }
  }
}

}  // namespace
}  // namespace penstock
