#include "common/tables/table_list.hpp"

#include <utility>

namespace policyd::tables {

std::vector<std::string> SplitTableList(std::string_view list) {
    static constexpr std::string_view kSeparators = ", \t\r\n";
    std::vector<std::string> elements;
    std::string element;
    int depth = 0;
    const auto finish = [&] {
        if (!element.empty()) elements.push_back(std::exchange(element, {}));
    };
    for (const char c : list) {
        if (depth == 0 && kSeparators.find(c) != std::string_view::npos) {
            finish();
            continue;
        }
        if (c == '{') ++depth;
        if (c == '}' && depth > 0) --depth;
        element += c;
    }
    finish();
    return elements;
}

std::size_t BalancedBraces(std::string_view text) {
    if (text.empty() || text[0] != '{') return 0;
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '{') ++depth;
        if (text[i] == '}' && --depth == 0) return i + 1;
    }
    return 0;
}

bool IsTableSpec(std::string_view element) {
    return !element.empty() && element[0] != '[' && element.find(':') != std::string_view::npos;
}

}  // namespace policyd::tables
