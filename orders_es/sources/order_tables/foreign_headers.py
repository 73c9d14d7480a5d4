"""What columns of orders are called in other languages than English; for `orders_es.sources.order_tables.propose`.

German, French, Spanish, Italian and Dutch, as shops and spreadsheets head their exports: in small letters, without blanks and signs.
"""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS: dict[str, str] = {
    "order.id": (
        "bestellnr bestellnummer bestellung bestellid auftrag auftragsnr auftragsnummer belegnr belegnummer rechnungsnr rechnungsnummer "
        "numérocommande numcommande ncommande commande numerocommande numéro pedido nºpedido numeropedido númeropedido númerodepedido "
        "ordine numeroordine numerodordine bestelnummer ordernummer factuurnummer"
    ),
    "order.currency": "währung waehrung devise moneda divisa valuta",
    "order.customer_id": (
        "kundennr kundennummer kunde debitor client numéroclient numclient idclient cliente idcliente codigocliente códigocliente "
        "codicecliente klant klantnummer"
    ),
    "order.country": "land lieferland pays país pais paese",
    "order.channel": "kanal vertriebskanal canal canale kanaal",
    "order.occurred": (
        "bestelldatum auftragsdatum belegdatum rechnungsdatum datum datecommande datedecommande fecha fechapedido fechadelpedido data "
        "dataordine datadellordine besteldatum orderdatum"
    ),
    "order.entered": "erfasstam eingegebenam datesaisie saisile fechaalta datainserimento ingevoerdop",
    "order.source_status": "auftragsstatus statut estado stato",
    "line.item_id": "artikelnr artikelnummer artikel sachnummer référence reference article artículo articulo referencia articolo codicearticolo",
    "line.description": "bezeichnung artikelbezeichnung beschreibung désignation designation libellé libelle descripción descripcion descrizione omschrijving",
    "line.quantity": "menge stück stückzahl stueck anzahl quantité quantite qté cantidad quantità quantita aantal",
    "line.price": "einzelpreis stückpreis preis prixunitaire prix preciounitario precio prezzounitario prezzo stukprijs prijs",
    "line.total": "summe gesamt gesamtpreis betrag positionswert montant total importe importo bedrag totaal",
    "shipping.amount": "versand versandkosten porto fraisdeport livraison gastosdeenvío gastosdeenvio envío envio spedizione verzendkosten",
    "discount.amount": "rabatt nachlass remise descuento sconto korting",
    "payment.at": "bezahltam zahlungsdatum gezahltam payéle payele datepaiement datedepaiement fechapago fechadepago datapagamento betaaldop betaaldatum",
    "payment.amount": "bezahlt gezahlt zahlbetrag zahlungsbetrag montantpayé montantpaye importepagado pagado importopagato betaald",
    "payment.method": "zahlungsart zahlart zahlungsweise modepaiement modedepaiement formadepago metododipagamento betaalwijze",
    "shipped.at": "versandtam versanddatum versendetam expédiéle expediele dateexpédition dateexpedition enviadoel fechaenvío fechaenvio dataspedizione verzondenop",
    "shipped.tracking": "sendungsnummer trackingnummer numérodesuivi numerodesuivi seguimiento tracciamento",
    "delivered.at": "geliefertam lieferdatum zugestelltam livréle livrele datelivraison entregadoel fechaentrega dataconsegna bezorgdop geleverdop",
    "cancelled.at": "storniertam stornodatum annuléle annulele dateannulation canceladoel fechacancelación annullatoil geannuleerdop",
}
"""By field of a mapping."""
