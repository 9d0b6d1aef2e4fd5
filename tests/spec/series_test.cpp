// Tariffs and carbon intensities: inline or in a file beside the document, and every fault with its place.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "spec/checks.h"
#include "spec/document.h"

namespace penstock {
namespace {

// A site whose grid holds `more`, which begins on line 5.
std::string site(std::string_view more) {
  return fmt::format(
      "apiVersion: penstock/v1\nkind: Site\nmetadata: {{name: north}}\nspec: {{country: NO, halls: [], grid: "
      "{{contracted: 1MW,\n  {}}}}}\n",
      more);
}

std::string faults(const std::vector<SourceText>& sources) {
  const auto read = read_documents(sources);
  return read.ok() ? "no fault" : to_string(read.error());
}

std::string faults_in(std::string_view kind, std::string csv) {
  return faults({{"e/site.yaml", site(fmt::format("{}: {{file: s.csv}}", kind))}, {"e/s.csv", std::move(csv)}});
}

TEST(Series, OfAFileBecomePoints) {
  const auto read = read_documents({{"e/prices.csv",
                                     "\xEF\xBB\xBF"
                                     "from,price\r\n2026-01-01,0.18 GBP\r\n\r\n2026-01-01T00:30:00Z, -0.05 GBP \r\n"},
                                    {"e/site.yaml", site("tariff: {file: prices.csv}, carbon: {file: carbon.csv}")},
                                    {"e/carbon.csv", "from,grams\n2026-01-01,212\n2026-01-02,0"}});
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  ASSERT_EQ(read->size(), 1u);
  const GridSpec& grid = *std::get<SiteSpec>(read->front().spec).grid;
  const Time start = *Text<Time>::parse("2026-01-01");
  EXPECT_EQ(grid.tariff->file, "");
  EXPECT_EQ(grid.tariff->points,
            (std::vector<TariffPointSpec>{{start, {180'000, "GBP"}}, {start + minutes(30), {-50'000, "GBP"}}}));
  EXPECT_EQ(grid.carbon->points, (std::vector<CarbonPointSpec>{{start, 212}, {start + hours(24), 0}}));

  // What is stored reads back without the file, and is the same as points in the document.
  const auto inline_points = read_documents(
      {{"site.yaml",
        site("tariff: {points: [{from: 2026-01-01, price: 0.18 GBP}, {from: 2026-01-01T00:30:00Z, price: "
             "-0.05 GBP}]}, carbon: {points: [{from: 2026-01-01, grams: 212}, {from: 2026-01-02, grams: 0}]}")}});
  ASSERT_TRUE(inline_points.ok()) << to_string(inline_points.error());
  EXPECT_EQ(document_json(inline_points->front()), document_json(read->front()));
  const auto again = read_document(*parse_json(document_json(read->front())));
  ASSERT_TRUE(again.ok()) << to_string(again.error());
  EXPECT_TRUE(again->spec == read->front().spec);
}

TEST(Series, StandBesideTheDocumentThatNamesThem) {
  const std::string document = site("tariff: {file: prices.csv}");
  const SourceText prices{"other/prices.csv", "from,price\n2026-01-01,1 GBP\n"};
  EXPECT_EQ(faults({{"e/site.yaml", document}, prices}),
            "e/site.yaml:5:12: spec.grid.tariff.file: there is no file 'e/prices.csv' among what was given; put it "
            "beside this "
            "document, or give its points here");
  EXPECT_EQ(faults({{"other/site.yaml", document}, prices}), "no fault");
  EXPECT_EQ(
      faults({{"site.yaml", document}}),
      "site.yaml:5:12: spec.grid.tariff.file: there is no file 'prices.csv' among what was given; put it beside this "
      "document, or give its points here");
}

TEST(Series, ABodyNamesNoFile) {
  const auto body = parse_json(R"({"apiVersion": "penstock/v1", "kind": "Site", "metadata": {"name": "a"},
      "spec": {"country": "NO", "halls": [], "grid": {"contracted": "1MW", "carbon": {"file": "c.csv"}}}})");
  const auto read = read_document(*body);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().path, "spec.grid.carbon.file");
}

TEST(Series, FaultsInAFileAreToldWithTheirLines) {
  EXPECT_EQ(faults_in("tariff", "time,price\n"), "e/s.csv:1:1: expected the header from,price, found 'time,price'");
  EXPECT_EQ(faults_in("tariff", "from,grams\n"), "e/s.csv:1:1: expected the header from,price, found 'from,grams'");
  EXPECT_EQ(faults_in("tariff", "from,price\n"), "e/s.csv:1:1: expected rows below the header from,price");
  EXPECT_EQ(faults_in("tariff",
                      "from,price\n"
                      "2026-01-01,0.18 GBP\n"
                      "2026-01-02\n"
                      "yesterday,0.18 GBP\n"
                      "2026-01-01,0.18 GBP\n"
                      "2026-01-03,0.18\n"
                      "2026-01-03,0.18 EUR\n"
                      "2026-01-03,0.18 GBP,x\n"
                      "2026-01-03,9999999 GBP\n"
                      "2026-01-03,0.18 GBP\n"),
            "e/s.csv:3:1: expected a time and a value with one comma between, found '2026-01-02'\n"
            "e/s.csv:4:1: expected an RFC 3339 time such as 2026-06-01T00:00:00Z, or a date, found 'yesterday'\n"
            "e/s.csv:5:1: expected a time after that of the row before it (2026-01-01T00:00:00Z), found 2026-01-01\n"
            "e/s.csv:6:1: expected an amount and a currency such as 2.49 USD, found '0.18'\n"
            "e/s.csv:7:1: expected a price in GBP, as in the rows before it, found '0.18 EUR'\n"
            "e/s.csv:8:1: expected a time and a value with one comma between, found '2026-01-03,0.18 GBP,x'\n"
            "e/s.csv:9:1: expected a price from -1000000.00 GBP to 1000000.00 GBP, found 9999999.00 GBP");
  EXPECT_EQ(faults_in("carbon", "from,grams\n2026-01-01,1.5\n2026-01-02,-1\n2026-01-03,100001\n"),
            "e/s.csv:2:1: expected whole grams from 0 to 100000, found '1.5'\n"
            "e/s.csv:3:1: expected whole grams from 0 to 100000, found '-1'\n"
            "e/s.csv:4:1: expected whole grams from 0 to 100000, found '100001'");
}

TEST(Series, AFileThatTwoSitesNameIsToldOnce) {
  const std::string named = site("carbon: {file: s.csv}");
  std::string other = named;
  other.replace(other.find("north"), 5, "south");
  EXPECT_EQ(faults({{"s.csv", "from,grams\n2026-01-01,x\n"}, {"a.yaml", named}, {"b.yaml", other}}),
            "s.csv:2:1: expected whole grams from 0 to 100000, found 'x'");
}

TEST(Series, HaveALimit) {
  const auto rows = [](std::size_t count) {
    std::string csv = "from,grams\n";
    for (std::size_t i = 0; i < count; ++i)
      csv += Text<Time>::format(Time{} + minutes(static_cast<std::int64_t>(i))) + ",1\n";
    return csv;
  };
  EXPECT_EQ(faults_in("carbon", rows(kMostPoints)), "no fault");
  EXPECT_EQ(faults_in("carbon", rows(kMostPoints + 1)), "e/s.csv:100002:1: more than 100000 rows");
}

TEST(Series, PointsAreChecked) {
  const auto told = [](std::string_view more) { return faults({{"f.yaml", site(more)}}); };
  EXPECT_EQ(told("tariff: {}"), "f.yaml:5:3: spec.grid.tariff.file: expected a file or points, found neither");
  EXPECT_EQ(told("carbon: {file: a.csv, points: [{from: 2026-01-01, grams: 1}]}"),
            "f.yaml:5:12: spec.grid.carbon.file: expected a file or points, found both");
  EXPECT_EQ(
      told("carbon: {file: ../a.csv}"),
      "f.yaml:5:12: spec.grid.carbon.file: expected the name of a .csv file beside the document, found '../a.csv'");
  EXPECT_EQ(
      told("carbon: {points: [{from: 2026-01-02, grams: 1}, {from: 2026-01-01, grams: 100001}]}"),
      "f.yaml:5:52: spec.grid.carbon.points[1].from: expected a time after the point before it (2026-01-02T00:00:00Z), "
      "found 2026-01-01T00:00:00Z\n"
      "f.yaml:5:70: spec.grid.carbon.points[1].grams: expected 0 to 100000, found 100001");
  EXPECT_EQ(told("tariff: {points: [{from: 2026-01-01, price: 1 GBP}, {from: 2026-01-02, price: 1 EUR}]}"),
            "f.yaml:5:74: spec.grid.tariff.points[1].price: expected a price in GBP, as in the points before it, found "
            "1.00 EUR");
}

}  // namespace
}  // namespace penstock
