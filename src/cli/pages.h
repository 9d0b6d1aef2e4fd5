// Lists of the API, all pages of them.
#pragma once

#include "client/api_client.h"

namespace penstock {

/// Names and values for a URL's query; values that are empty are left out.
using QueryValues = std::vector<std::pair<std::string_view, std::string>>;

/// `?name=value&…`, or nothing.
std::string query_text(const QueryValues& values);

/// The items of all pages. `Page` has `items` and `next`.
template <class Page>
auto all_pages(ApiClient& client, const std::string& path, QueryValues values = {}) -> Result<decltype(Page::items)> {
  decltype(Page::items) items;
  values.emplace_back("limit", "1000");
  values.emplace_back("cursor", "");
  do {
    PENSTOCK_TRY(page, client.get<Page>(path + query_text(values)));
    items.insert(items.end(), std::make_move_iterator(page.items.begin()), std::make_move_iterator(page.items.end()));
    values.back().second = page.next;
  } while (!values.back().second.empty());
  return items;
}

}  // namespace penstock
