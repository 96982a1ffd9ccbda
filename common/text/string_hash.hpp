#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace policyd::text {

/// Of the keys of a map that is also asked by views of text, with std::equal_to<>.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>()(text);
    }
};

}  // namespace policyd::text
