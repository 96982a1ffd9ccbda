#include "common/tables/sql_lookup.hpp"

#include <limits>
#include <stdexcept>

#include "common/log/logging.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/key_rules.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// `query`, or what the parameters that came before it amount to.
std::string QueryText(const TableFile& file) {
    std::string query = file.Text("query");
    if (!query.empty()) return query;
    for (const char* name : {"table", "select_field", "where_field"}) {
        if (file.Text(name).empty())
            file.Refuse("query", std::string("is missing (nor is there a \"") + name + "\")");
    }
    return "SELECT " + file.Text("select_field") + " FROM " + file.Text("table") + " WHERE " +
           file.Text("where_field") + " = '%s' " + file.Text("additional_conditions");
}

QueryTemplate ParseTemplates(const TableFile& file) {
    const std::string result_format = file.Text("result_format", "%s");
    if (result_format.empty()) file.Refuse("result_format", "needs a value");
    try {
        return QueryTemplate(QueryText(file), result_format);
    } catch (const std::invalid_argument& error) {
        const bool in_result = std::string_view(error.what()).substr(0, 6) == "result";
        file.Refuse(in_result ? "result_format" : "query",
                    std::string("cannot be understood: ") + error.what());
    }
}

}  // namespace

SqlLookup::SqlLookup(std::string name, const TableFile& file, const OpenDomains& open_domains)
    : name_(std::move(name)),
      query_(ParseTemplates(file)),
      expansion_limit_(
          file.Number("expansion_limit", 0, std::numeric_limits<std::int32_t>::min())) {
    const std::string domains = file.Text("domain");
    if (!domains.empty()) domains_ = open_domains(file.Path() + ": domain", domains);
}

async::Task<std::optional<std::string>> SqlLookup::SearchKey(std::string_view key) const {
    using SearchKey = async::Task<std::optional<std::string>>;
    std::optional<std::string> folded = FoldedKey(key);
    if (!folded || !query_.IsSearchable(*folded)) return SearchKey::Of();
    if (domains_) return KeyInDomains(*std::move(folded));
    return SearchKey::Of(std::move(folded));
}

async::Task<std::optional<std::string>> SqlLookup::KeyInDomains(std::string folded) const {
    const std::size_t at = folded.rfind('@');
    if (at == std::string::npos || at == 0) co_return std::nullopt;
    const std::string domain = folded.substr(at + 1);
    // g++ 12 never resumes `if (co_await …) co_return …;` where the task is one of bool.
    const bool is_listed = co_await domains_->Contains(domain);
    if (!is_listed) co_return std::nullopt;
    co_return folded;
}

std::optional<std::string> SqlLookup::Combine(const Values& values, std::string_view key) const {
    std::string combined;
    std::int64_t count = 0;
    for (const std::optional<std::string>& value : values) {
        if (!value) continue;
        const std::string_view text = value->c_str();
        if (text.empty()) {
            log::Debug("table: {}: an empty value of \"{}\" is left out", name_,
                       text::EscapedForLog(key));
            continue;
        }
        const std::optional<std::string> result = query_.Result(text, key);
        if (!result) continue;
        if (expansion_limit_ > 0 && ++count > expansion_limit_) {
            throw outage::TableUnavailable(name_ + ": \"" + text::EscapedForLog(key) +
                                           "\" has more values than expansion_limit allows");
        }
        if (!combined.empty()) combined += ',';
        combined += *result;
    }
    if (combined.empty()) return std::nullopt;
    return CheckedValue(std::move(combined), name_, key);
}

}  // namespace policyd::tables
