// SPDX-License-Identifier: Apache-2.0

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.Table;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.hadoop.HadoopTables;
import org.apache.iceberg.io.CloseableIterable;

/** Prints some columns of each row of a table in a folder, as a reader of its newest snapshot sees them. */
public final class ReadTable {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Table table = new HadoopTables(new Configuration()).load(arguments[0]);
        String[] columns = {"conversationId", "customerId", "kafkaOffset", "revision"};
        try (CloseableIterable<Record> rows = IcebergGenerics.read(table).select(columns).build()) {
            for (Record row : rows) {
                StringBuilder line = new StringBuilder();
                for (String column : columns) {
                    line.append(row.getField(column)).append('\t');
                }
                out.println(line);
            }
        }
        out.flush();
    }
}
