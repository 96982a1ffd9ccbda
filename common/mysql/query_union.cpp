#include "common/mysql/query_union.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/mysql/sql_tokens.hpp"
#include "common/text/ascii.hpp"

namespace policyd::mysql {

namespace {

constexpr std::string_view kSelect = "select";
constexpr std::string_view kLimit = "limit";

std::vector<std::string_view> WordsOf(std::string_view query) {
    return text::SplitAtAny(query, " \t\r\n()=,<>*'\"`");
}

/// Where FROM stands in a SELECT to whose columns others can be added; npos if they cannot.
std::size_t FindFrom(std::string_view query) {
    // What may stand between SELECT and its first column.
    static constexpr std::array<std::string_view, 9> kModifiers{
        "all",          "high_priority",       "sql_big_result",   "sql_buffer_result", "sql_cache",
        "sql_no_cache", "sql_calc_found_rows", "sql_small_result", "straight_join"};
    const auto tokens = OuterTokens(query);
    if (!tokens) return query.npos;
    for (const SqlToken& token : *tokens) {
        if (token.text == "*") return query.npos;  // no other column may stand before this one
        if (text::EqualsIgnoringCase(token.text, "from")) return token.begin;
        if (IsAnyOf(token.text, kModifiers)) return query.npos;
    }
    return query.npos;
}

/// A SELECT to whose columns others can be added.
struct Select {
    std::string_view columns;
    std::string_view rest;  ///< from FROM on
};

std::optional<Select> Parse(std::string_view query) {
    // It would be a limit of all rows.
    for (const std::string_view word : WordsOf(query))
        if (text::EqualsIgnoringCase(word, kLimit)) return std::nullopt;
    const std::size_t from = FindFrom(query);
    if (from == query.npos) return std::nullopt;
    return Select{text::Trim(query.substr(kSelect.size(), from - kSelect.size())),
                  query.substr(from)};
}

/// Whether these are names of columns alone, and so none that merges rows.
bool AreNames(std::string_view columns) {
    return std::all_of(columns.begin(), columns.end(), [](char c) {
        return IsOfSqlWord(c) || text::IsBlank(c) || c == ',' || c == '`';
    });
}

std::string Nulls(unsigned count) {
    std::string text;
    for (unsigned i = 0; i < count; ++i) text += ", NULL";
    return text;
}

constexpr std::size_t kNoPart = static_cast<std::size_t>(-1);

/// The part, of those that the queries before this one are in, whose rows it shares.
std::size_t PartWithTheSameRows(std::span<const Query> queries,
                                const std::vector<std::size_t>& part_of) {
    const std::size_t query = part_of.size();
    for (std::size_t earlier = query; earlier > 0 && queries[earlier].has_parameters_of_last;) {
        --earlier;
        if (part_of[earlier] != kNoPart &&
            HaveTheSameRows(queries[earlier].prepared, queries[query].prepared))
            return part_of[earlier];
    }
    return kNoPart;
}

}  // namespace

bool CanBePartOfUnion(std::string_view query) {
    // What orders, limits or merges rows, or does more than read them.
    static constexpr std::array<std::string_view, 16> kWords{
        "distinct", "distinctrow", "except", "fetch",  "for",   "group",     "having", "intersect",
        "into",     kLimit,        "lock",   "offset", "order", "procedure", "union",  "with"};
    std::vector<std::string_view> words = WordsOf(query);
    // One row has no order.
    if (words.size() > 2 && words.back() == "1" &&
        text::EqualsIgnoringCase(words[words.size() - 2], kLimit))
        words.resize(words.size() - 2);
    return std::none_of(words.begin(), words.end(),
                        [](std::string_view word) { return IsAnyOf(word, kWords); });
}

bool HaveTheSameRows(std::string_view query, std::string_view other) {
    if (query == other) return true;
    const auto one = Parse(text::Trim(query));
    const auto another = Parse(text::Trim(other));
    return one && another && one->rest == another->rest && AreNames(one->columns) &&
           AreNames(another->columns);
}

std::string UnionOf(std::span<const UnionPart> parts, unsigned columns) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        text += (i == 0 ? "SELECT " : " UNION ALL SELECT ") + std::to_string(i);
        UnionPart part = parts[i];
        std::sort(part.begin(), part.end(), [](const UnionQuery& one, const UnionQuery& other) {
            return one.columns_before < other.columns_before;
        });
        unsigned end = 1;
        std::string rest;
        for (const UnionQuery& member : part) {
            const std::string_view query = text::Trim(member.text);
            if (member.columns_before < end) continue;  // the same query again
            text += Nulls(member.columns_before - end);
            end = member.columns_to;
            if (const auto select = Parse(query)) {
                text.append(", ").append(select->columns);
                rest = select->rest;
            } else {  // a table of its own, which costs the server some time
                text += ", t.*";
                rest = "FROM (" + std::string(query) + ") t";
            }
        }
        text.append(Nulls(columns - end)).append(" ").append(rest);
    }
    return text;
}

UnionPlan PlanUnion(
    std::span<const Query> queries,
    const std::function<std::optional<unsigned>(const std::string& query)>& columns_of) {
    UnionPlan plan;
    std::map<std::string_view, UnionQuery> known;
    std::vector<UnionPart> parts;
    std::vector<std::size_t> part_of;  // of each query, kNoPart of those that are asked alone
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const std::string& text = queries[i].prepared;
        auto query = known.find(text);
        if (query == known.end()) {
            const auto columns = text.empty() ? std::nullopt : columns_of(text);
            if (!columns || !CanBePartOfUnion(text)) {
                plan.alone.push_back(i);
                part_of.push_back(kNoPart);
                continue;
            }
            const unsigned before = std::exchange(plan.columns, plan.columns + *columns);
            query = known.emplace(text, UnionQuery{text, before, plan.columns}).first;
        }
        std::size_t part = PartWithTheSameRows(queries, part_of);
        if (part == kNoPart) {
            part = parts.size();
            parts.emplace_back();
            plan.places.emplace_back();
        }
        part_of.push_back(part);
        parts[part].push_back(query->second);
        plan.places[part].push_back(
            {i, query->second.columns_before + 1, query->second.columns_to + 1});
    }
    if (queries.size() - plan.alone.size() > 1) plan.text = UnionOf(parts, plan.columns);
    return plan;
}

}  // namespace policyd::mysql
