#include "common/mysql/column_types.hpp"

#include <cppconn/datatype.h>
#include <cppconn/resultset_metadata.h>

namespace policyd::mysql {

namespace {

/// The client library reads the text of a decimal, up to 68 bytes, from a buffer of 64.
bool IsLongDecimal(sql::ResultSetMetaData& columns, unsigned column) {
    constexpr unsigned kBuffer = 64;
    constexpr unsigned kBesideDigits = 3;  // a sign, a point and the zero before it
    return columns.getPrecision(column) + kBesideDigits > kBuffer;
}

}  // namespace

bool ReadsAsText(sql::ResultSetMetaData& columns) {
    for (unsigned column = 1; column <= columns.getColumnCount(); ++column) {
        switch (columns.getColumnType(column)) {
            case sql::DataType::CHAR:
            case sql::DataType::VARCHAR:
            case sql::DataType::LONGVARCHAR:
                break;
            case sql::DataType::SMALLINT:
            case sql::DataType::MEDIUMINT:
            case sql::DataType::INTEGER:
            case sql::DataType::BIGINT:
                if (columns.isZerofill(column)) return false;
                break;
            case sql::DataType::DECIMAL:  // as an unsigned BIGINT is where NULL may stand for it
                if (columns.isZerofill(column) || IsLongDecimal(columns, column)) return false;
                break;
            default:
                return false;
        }
    }
    return true;
}

std::string TypesOf(sql::ResultSetMetaData& columns) {
    std::string types;
    for (unsigned column = 1; column <= columns.getColumnCount(); ++column) {
        const int type = columns.getColumnType(column);
        types.append(std::to_string(type))
            .append(columns.isSigned(column) ? "+" : "-")
            .append(columns.isZerofill(column) ? "z" : " ");
        if (type == sql::DataType::DECIMAL && IsLongDecimal(columns, column)) types += 'l';
    }
    return types;
}

}  // namespace policyd::mysql
