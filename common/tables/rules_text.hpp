#pragma once

#include <string>
#include <string_view>

namespace policyd::tables {

/// Whether a cidr:, regexp: or pcre: table is its own name (INLINE SPECIFICATION in their manual
/// pages).
inline bool IsInlineRules(std::string_view name) {
    return name.starts_with('{');
}

/// The lines of such a table: those of the file `name`, or of `{ {rule} {rule} }` each rule as one.
/// `type` is for messages. Throws config::ConfigError.
std::string RulesText(std::string_view type, const std::string& name);

}  // namespace policyd::tables
