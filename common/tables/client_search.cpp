#include "common/tables/client_search.hpp"

#include "common/tables/address_prefix.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

namespace {

async::Task<std::optional<std::string>> FindName(LookupTable& table, std::string_view name,
                                                 ParentStyle parents, TableReader& reader) {
    const std::string folded = text::FoldCase(name);
    const bool has_parents = table.TakesPartialKeys() && !ParseAddress(folded);
    for (std::string_view key = folded; !key.empty();) {
        if (auto value = co_await reader.Find(table, key)) co_return value;
        const std::size_t dot = key.find('.', 1);
        if (!has_parents || dot == std::string_view::npos) break;
        key.remove_prefix(parents == ParentStyle::kDomain ? dot + 1 : dot);
    }
    co_return std::nullopt;
}

async::Task<std::optional<std::string>> FindAddress(LookupTable& table, std::string_view address,
                                                    TableReader& reader) {
    const char separator = address.find(':') != std::string_view::npos ? ':' : '.';
    for (std::string_view key = address;;) {
        if (auto value = co_await reader.Find(table, key)) co_return value;
        const std::size_t end = key.rfind(separator);
        if (!table.TakesPartialKeys() || end == std::string_view::npos) co_return std::nullopt;
        key = key.substr(0, end);
    }
}

}  // namespace

async::Task<std::optional<std::string>> FindClient(LookupTable& table, std::string_view name,
                                                   std::string_view address, ParentStyle parents,
                                                   TableReader& reader) {
    if (auto value = co_await FindName(table, name, parents, reader)) co_return value;
    co_return co_await FindAddress(table, address, reader);
}

}  // namespace policyd::tables
