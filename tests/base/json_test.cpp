// Described types to JSON and back, the places of faults, and the schema that comes from the same descriptions.
#include "base/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/uid.h"

namespace penstock {
namespace {

enum class Colour { kRed, kGreen };
constexpr auto enum_names(Colour) {
  return std::array{EnumName<Colour>{Colour::kRed, "red"}, EnumName<Colour>{Colour::kGreen, "green"}};
}

struct Leaf {
  static constexpr std::string_view kType = "leaf";
  std::int32_t size = 0;
  static constexpr auto schema() { return object("Leaf", "A leaf.", field("size", &Leaf::size, required, "its size")); }
  bool operator==(const Leaf&) const = default;
};

struct Stone {
  static constexpr std::string_view kType = "stone";
  Watts heat;
  static constexpr auto schema() {
    return object("Stone", "A stone.", field("heat", &Stone::heat, required, "its heat"));
  }
  bool operator==(const Stone&) const = default;
};

struct Thing {
  std::string text;
  std::int64_t number = 0;
  std::uint64_t large = 0;
  bool flag = false;
  Colour colour = Colour::kRed;
  Watts power;
  std::optional<MilliGpu> gpus;
  std::vector<Leaf> leaves;
  std::map<std::string, std::string> labels;
  std::map<Uid, std::int64_t> by_uid;
  std::variant<Leaf, Stone> either;

  static constexpr auto schema() {
    return object(
        "Thing", "All there is.", field("text", &Thing::text, optional, "text"),
        field("number", &Thing::number, required, "a number"),
        field("large", &Thing::large, optional, "a number without sign"),
        field("flag", &Thing::flag, optional, "yes or no"), field("colour", &Thing::colour, optional, "a colour"),
        field("power", &Thing::power, required, "a power"), field("gpus", &Thing::gpus, optional, "GPUs"),
        field("leaves", &Thing::leaves, optional, "leaves"), field("labels", &Thing::labels, optional, "labels"),
        field("byUid", &Thing::by_uid, optional, "numbers by uid"),
        field("either", &Thing::either, required, "a leaf or a stone"));
  }
  bool operator==(const Thing&) const = default;
};

std::string any_text() {
  return *rc::gen::container<std::string>(
      rc::gen::oneOf(rc::gen::inRange<char>(1, 127), rc::gen::element('"', '\\', '\n', '\t', '\r', '\x01')));
}

Thing any_thing() {
  Thing thing;
  thing.text = any_text();
  thing.number = *rc::gen::arbitrary<std::int64_t>();
  thing.large = *rc::gen::arbitrary<std::uint64_t>();
  thing.flag = *rc::gen::arbitrary<bool>();
  thing.colour = *rc::gen::element(Colour::kRed, Colour::kGreen);
  thing.power = Watts(*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000));
  if (*rc::gen::arbitrary<bool>()) thing.gpus = MilliGpu(*rc::gen::inRange(0, 100'000));
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) thing.leaves.push_back({i});
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) thing.labels[any_text()] = any_text();
  thing.by_uid[Uid{*rc::gen::arbitrary<std::uint64_t>()}] = 7;
  if (*rc::gen::arbitrary<bool>()) thing.either = Stone{Watts(5)};
  return thing;
}

TEST(Json, DescribedTypesSurvive) {
  EXPECT_TRUE(rc::check([] {
    const Thing thing = any_thing();
    const std::string text = to_json(thing);
    const auto back = from_json_text<Thing>(text);
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == thing);
    RC_ASSERT(to_json(*back) == text);
  }));
}

TEST(Json, IsCanonical) {
  Thing thing;
  thing.power = Watts(1'500);
  thing.text = "a\"\\\n\x01";
  thing.either = Stone{Watts(2)};
  EXPECT_EQ(
      to_json(thing),
      R"({"text":"a\"\\\n\u0001","number":0,"colour":"red","power":"1.5kW","either":{"type":"stone","heat":"2W"}})");
}

// Every kind of fault, with its path and its exact message.
TEST(Json, FaultsNameTheirPlaceAndWhatWasExpected) {
  struct Case {
    const char* json;
    const char* fault;
  };
  const Case cases[] = {
      {R"(7)", "expected a mapping (All there is.), found 7"},
      {R"({"power":"1W","either":{"type":"leaf","size":1}})", "number: 'number' is missing: a number"},
      {R"({"number":1,"power":"1W","either":{"type":"leaf","size":1},"colours":1})",
       "colours: unknown field 'colours'; Thing has: text, number, large, flag, colour, power, gpus, leaves, labels, "
       "byUid, either"},
      {R"({"number":1.5,"power":"1W","either":{"type":"leaf","size":1}})",
       "number: expected a whole number from -9223372036854775808 to 9223372036854775807, found 1.5E0"},
      {R"({"number":1,"power":5,"either":{"type":"leaf","size":1}})",
       "power: expected a power such as 700W, 132kW or 90MW, found 5"},
      {R"({"number":1,"power":"5 horses","either":{"type":"leaf","size":1}})",
       "power: expected a power such as 700W, 132kW or 90MW, found '5 horses'"},
      {R"({"number":1,"power":"5W","either":{"type":"cloud"}})",
       "either.type: 'type' is missing or names no known alternative"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"colour":"blue"})",
       "colour: expected one of red green, found \"blue\""},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"flag":"yes"})",
       "flag: expected true or false, found \"yes\""},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"text":5})",
       "text: expected text (put a number or a yes/no in quotes), found 5"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"leaves":{}})",
       "leaves: expected a list, found a mapping"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"labels":[]})",
       "labels: expected a mapping, found a list"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"leaves":[{"size":1},{"size":9999999999}]})",
       "leaves[1].size: expected a whole number from -2147483648 to 2147483647, found 9999999999"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"large":-1})",
       "large: expected a whole number from 0 to 18446744073709551615, found -1"},
      {R"({"number":1,"power":"5W","either":{"type":"leaf","size":1},"gpus":"many"})",
       "gpus: expected a number of GPUs such as 8, or a share of one such as 0.5, found 'many'"},
  };
  for (const Case& c : cases) {
    const auto read = from_json_text<Thing>(c.json);
    ASSERT_FALSE(read.ok()) << c.json;
    EXPECT_EQ(to_string(read.error()), c.fault);
  }
}

TEST(Json, BareNumbersWhereTheUnitIsACount) {
  const auto thing = from_json_text<Thing>(R"({"number":1,"power":"5W","gpus":0.5,"either":{"type":"leaf","size":1}})");
  ASSERT_TRUE(thing.ok());
  EXPECT_EQ(thing->gpus, MilliGpu(500));
}

TEST(Json, ParserRefusesDepthAndRest) {
  EXPECT_TRUE(parse_json("[[1]] ", 2).ok());
  EXPECT_EQ(parse_json("[[[1]]]", 2).error().code, Code::kTooLarge);
  EXPECT_FALSE(parse_json("1 2").ok());
  EXPECT_FALSE(parse_json("").ok());
  const auto broken = parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}");
  EXPECT_EQ(broken.error().line, 3);
}

TEST(Problems, KeepOneFaultAPlaceAndNotMoreThanTheMost) {
  Problems problems;
  {
    Problems::Step a(problems, "spec");
    Problems::Step b(problems, std::size_t{2});
    problems.add("first", "x");
    problems.add("second", "x");
    problems.add("other", "[1]");
    EXPECT_EQ(problems.path(), "spec[2]");
    {
      Problems::Elsewhere anew(problems);
      Problems::Step c(problems, "metadata");
      EXPECT_EQ(problems.path(), "metadata");
    }
    EXPECT_EQ(problems.path(), "spec[2]");
  }
  for (int i = 0; i < 100; ++i) problems.add("many", fmt::format("f{}", i));
  EXPECT_TRUE(problems.full());
  const Error error = problems.take();
  EXPECT_EQ(error.path, "spec[2].x");
  EXPECT_EQ(error.message, "first");
  EXPECT_EQ(error.also.size(), Problems::kMost - 1);
  EXPECT_EQ(error.also[0].path, "spec[2][1]");
  EXPECT_TRUE(problems.empty());
}

TEST(Problems, LongValuesAreCutBetweenCharacters) {
  std::string text(58, 'a');
  for (int i = 0; i < 10; ++i) text += "é";
  const std::string message = wrong_kind("less", json::value(text));
  EXPECT_EQ(message, "expected less, found \"" + std::string(58, 'a') + "…");
}

TEST(Schema, ComesFromTheDescriptions) {
  SchemaWriter writer("#/$defs/");
  EXPECT_EQ(json::serialize(writer.of<Thing>()), R"({"$ref":"#/$defs/Thing"})");
  const json::value& thing = writer.definitions().at("Thing");
  EXPECT_EQ(json::serialize(thing.at("required")), R"(["number","power","either"])");
  EXPECT_EQ(thing.at("additionalProperties"), false);
  EXPECT_EQ(json::serialize(thing.at_pointer("/properties/colour/enum")), R"(["red","green"])");
  EXPECT_TRUE(writer.definitions().contains("Leaf"));
}

TEST(Errors, PrintEveryFaultWithItsPlace) {
  Error error = make_error(Code::kInvalid, "wrong", "spec.a");
  error.file = "site.yaml";
  error.line = 3;
  error.column = 5;
  error.also.push_back(make_error(Code::kInvalid, "also wrong"));
  EXPECT_EQ(to_string(error), "site.yaml:3:5: spec.a: wrong\nalso wrong");
  for (const auto& entry : enum_names(Code{})) EXPECT_EQ(code_from_name(code_name(entry.value)), entry.value);
  EXPECT_FALSE(code_from_name("nonsense").has_value());
}

}  // namespace
}  // namespace penstock
