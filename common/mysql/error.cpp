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
    // Locks, what the server is out of, data, and what a procedure says of the key.
    static constexpr std::array kPassing{1021, 1030, 1037, 1038, 1041, 1105, 1114, 1119, 1135,
                                         1172, 1194, 1195, 1205, 1206, 1213, 1242, 1264, 1290,
                                         1292, 1317, 1329, 1339, 1366, 1412, 1637, 1644, 1690};
    return code_ != 0 && !IsOfServer() &&
           std::find(kPassing.begin(), kPassing.end(), code_) == kPassing.end();
}

bool Error::IsLackOfRights() const noexcept {
    // To a data base, a table, a column, what only administrators may, a view, or a procedure.
    constexpr std::array kLacks{1044, 1045, 1142, 1143, 1227, 1356, 1370};
    return std::find(kLacks.begin(), kLacks.end(), code_) != kLacks.end();
}

bool Error::IsDenial() const noexcept {
    // Of a data base, a user, a host, or for a password that has expired or an account that is
    // locked.
    constexpr std::array kDenials{1044, 1045, 1049, 1130, 1698, 1820, 1862, 3118, 3159, 4151};
    return std::find(kDenials.begin(), kDenials.end(), code_) != kDenials.end();
}

bool Error::IsOfConnectionLimit() const noexcept {
    // Of all, of one user, and of what one user may use (MAX_USER_CONNECTIONS).
    constexpr std::array kLimits{1040, 1203, 1226};
    return std::find(kLimits.begin(), kLimits.end(), code_) != kLimits.end();
}

}  // namespace policyd::mysql
