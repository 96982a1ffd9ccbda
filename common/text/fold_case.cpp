#include "common/text/fold_case.hpp"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>

#include <cstdint>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::text {

std::string FoldCase(std::string_view text) {
    if (IsFoldedAscii(text)) return std::string(text);
    if (IsAscii(text) || !IsValidUtf8(text)) return ToLower(text);
    std::string folded;
    UErrorCode status = U_ZERO_ERROR;
    icu::StringByteSink<std::string> sink(&folded);
    icu::CaseMap::utf8Fold(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())),
                           sink, nullptr, status);
    return U_SUCCESS(status) ? folded : ToLower(text);
}

}  // namespace policyd::text
