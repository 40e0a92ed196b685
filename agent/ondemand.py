"""What stands behind `/snmp`."""

from agent.core.ondemand import CollectionFailed, SnmpQuery
from agent.core.series import SeriesBlock


class NoScraper:
    """Stands in where nothing polls on demand; says so."""

    async def scrape(self, query: SnmpQuery) -> SeriesBlock:
        """Refuse.

        Raises:
            CollectionFailed: always.
        """
        raise CollectionFailed(f"error scraping target {query.address}: this version polls no device on demand")
