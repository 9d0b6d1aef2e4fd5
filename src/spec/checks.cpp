// The checks that specs of several kinds share.
#include "spec/checks.h"

namespace penstock {

void check_country(Problems& problems, std::string_view field, std::string_view country) {
  const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (country.size() == 2 && capital(country[0]) && capital(country[1])) return;
  problems.add(fmt::format("expected an ISO 3166-1 alpha-2 code such as GB, found '{}'", country), field);
}

void check_countries(Problems& problems, std::string_view field, const std::vector<std::string>& countries) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < countries.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", field, i);
    check_country(problems, place, countries[i]);
    if (!seen.insert(countries[i]).second) problems.add(fmt::format("'{}' is named twice", countries[i]), place);
  }
}

void check_label(Problems& problems, std::string_view field, std::string_view name) {
  if (is_label(name)) return;
  problems.add(fmt::format("expected a name of 1-63 of a-z, 0-9 and '-' between, found '{}'", name), field);
}

void check_labels(Problems& problems, std::string_view field, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) check_label(problems, fmt::format("{}[{}]", field, i), names[i]);
}

namespace {

void check_amount(Problems& problems, std::string_view field, const Money& amount, std::string_view what, std::int64_t most) {
  if (amount.currency.empty()) {
    problems.add("expected an amount and a currency such as 2.49 USD; the currency is missing", field);
  } else if (amount.micros < 0 || amount.micros > most) {
    problems.add(fmt::format("expected a {} from 0 to {}, found {}", what, Text<Money>::format({most, amount.currency}),
                             Text<Money>::format(amount)),
                 field);
  }
}

}  // namespace

void check_price(Problems& problems, std::string_view field, const Money& price) {
  check_amount(problems, field, price, "price", kMostPriceMicros);
}

void check_sum(Problems& problems, std::string_view field, const Money& sum) {
  check_amount(problems, field, sum, "sum", kMostSumMicros);
}

Status check_series_price(const Money& price) {
  if (price.currency.empty()) {
    return make_error(Code::kInvalid, "expected an amount and a currency such as 0.18 GBP; the currency is missing");
  }
  if (price.micros < -kMostPriceMicros || price.micros > kMostPriceMicros) {
    return make_error(Code::kInvalid, fmt::format("expected a price from {} to {}, found {}",
                                                  Text<Money>::format({-kMostPriceMicros, price.currency}),
                                                  Text<Money>::format({kMostPriceMicros, price.currency}),
                                                  Text<Money>::format(price)));
  }
  return ok_status();
}

}  // namespace penstock
