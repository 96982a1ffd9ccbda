#include "common/mysql/error.hpp"

#include <algorithm>
#include <array>

namespace policyd::mysql {

bool Error::IsOfServer() const noexcept {
    static constexpr std::array kServerCodes{1040, 1042, 1043, 1047, 1053, 1080, 1129, 1130,
                                             1152, 1184, 1203, 1226, 1927, 1969, 3024, 4031};
    if (code_ >= 2000 && code_ < 3000) return true;
    for (const int code : kServerCodes) {
        if (code_ == code) return true;
    }
    return false;
}

bool Error::IsOfQuery() const noexcept {
    // The server knows a prepared statement no more: only another session can prepare it anew.
    constexpr std::array kOfStatements{1210, 1243, 1615};
    const bool is_answer = code_ >= 1000 && code_ < 2000;  // the client library's own are others
    return is_answer && !IsOfServer() &&
           std::find(kOfStatements.begin(), kOfStatements.end(), code_) == kOfStatements.end();
}

bool Error::IsMistake() const noexcept {
    constexpr std::array kMistakes{1044, 1046, 1049, 1051, 1052, 1054, 1055, 1064, 1066, 1103, 1109,
                                   1110, 1111, 1142, 1143, 1146, 1222, 1227, 1305, 1318, 1370};
    return std::find(kMistakes.begin(), kMistakes.end(), code_) != kMistakes.end();
}

bool Error::IsDenial() const noexcept {
    constexpr std::array kDenials{1044, 1045, 1049, 1698};  // data base, user, no such one, socket
    return std::find(kDenials.begin(), kDenials.end(), code_) != kDenials.end();
}

}  // namespace policyd::mysql
